/// What a key takes: the words for it, and how it is read.
struct Kind<Value> {
    /// Completes "expected …".
    let expected: String
    /// The value, or `nil` if it is of another type or out of range.
    let value: (ScalarValue) -> Value?
}

extension Kind<Int> {
    /// A whole number.
    static func integer(in range: ClosedRange<Int>) -> Self {
        Kind(expected: "a whole number from \(range.lowerBound) to \(range.upperBound)") { scalar in
            guard case .integer(let text) = scalar, let value = Int(text), range.contains(value) else { return nil }
            return value
        }
    }

    /// A number of bytes, or one with a unit.
    static func bytes(in range: ClosedRange<Int>) -> Self {
        let bounds = "from \(ByteSize.text(range.lowerBound)) to \(ByteSize.text(range.upperBound))"
        return Kind(expected: "a size \(bounds), as bytes or such as 64 MiB") { scalar in
            let bytes: Int? =
                switch scalar {
                case .integer(let text): Int(text)
                case .string(let text): ByteSize.bytes(text)
                default: nil
                }
            return bytes.flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension Kind<Duration> {
    /// A number of milliseconds, whole or not.
    static func milliseconds(in range: ClosedRange<Double>) -> Self { duration("milliseconds", 1_000_000, in: range) }

    /// A number of seconds, whole or not.
    static func seconds(in range: ClosedRange<Double>) -> Self { duration("seconds", 1_000_000_000, in: range) }

    private static func duration(_ unit: String, _ nanoseconds: Double, in range: ClosedRange<Double>) -> Self {
        let bounds = [range.lowerBound, range.upperBound].map { Int(exactly: $0).map(String.init) ?? "\($0)" }
        return Kind(expected: "a number of \(unit) from \(bounds[0]) to \(bounds[1])") { scalar in
            let number: Double? =
                switch scalar {
                case .integer(let text), .decimal(let text): Double(text)
                default: nil
                }
            guard let number, range.contains(number) else { return nil }
            return .nanoseconds(Int64((number * nanoseconds).rounded()))
        }
    }
}

extension Kind<Double> {
    /// A number, whole or not.
    static func number(in range: ClosedRange<Double>) -> Self {
        let bounds = [range.lowerBound, range.upperBound].map { Int(exactly: $0).map(String.init) ?? "\($0)" }
        return Kind(expected: "a number from \(bounds[0]) to \(bounds[1])") { scalar in
            let number: Double? =
                switch scalar {
                case .integer(let text), .decimal(let text): Double(text)
                default: nil
                }
            return number.flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension Kind<Bool> {
    /// Yes or no.
    static var flag: Self {
        Kind(expected: "true or false") { scalar in
            guard case .flag(let value) = scalar else { return nil }
            return value
        }
    }
}

extension Kind<String> {
    /// A path; one that is relative begins at `folder`. Messages show it, so it is one line.
    static func path(in folder: String) -> Self {
        Kind(expected: "a path (a string)") { scalar in
            guard case .string(let path) = scalar, !path.isEmpty,
                !path.contains(where: { $0.isNewline || $0 == "\0" })
            else { return nil }
            return path.hasPrefix("/") ? path : folder + path
        }
    }
}

extension Kind {
    /// One of a few words.
    static func word(_ words: KeyValuePairs<String, Value>) -> Self {
        Kind(expected: words.map(\.key).joined(separator: ", ")) { scalar in
            guard case .string(let text) = scalar else { return nil }
            return words.first { $0.key == text }?.value
        }
    }

    /// One of the words that are the cases of an enumeration.
    static func word() -> Self where Value: CaseIterable & RawRepresentable<String> {
        Kind(expected: Value.allCases.map(\.rawValue).joined(separator: ", ")) { scalar in
            guard case .string(let text) = scalar else { return nil }
            return Value(rawValue: text)
        }
    }
}

/// Sizes in files and messages.
enum ByteSize {
    private static let units: KeyValuePairs = ["GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10]

    /// `64 MiB` as a number of bytes.
    static func bytes(_ text: String) -> Int? {
        guard let unit = units.first(where: { text.hasSuffix($0.key) }) else { return nil }
        let number = text.dropLast(unit.key.count)
        guard let count = Int(number.last == " " ? number.dropLast() : number), count >= 0 else { return nil }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: unit.value)
        return overflow ? nil : bytes
    }

    /// A number of bytes in the largest unit that says it exactly.
    static func text(_ bytes: Int) -> String {
        let unit = units.first { bytes > 0 && bytes % $0.value == 0 }
        return unit.map { "\(bytes / $0.value) \($0.key)" } ?? (bytes == 1 ? "1 byte" : "\(bytes) bytes")
    }
}
