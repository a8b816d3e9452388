internal import CMantaJSON

/// A string within a JSON text, without its quotes. Used only while the text is there.
@safe struct JSONString {
    private let raw: manta_json_string

    /// A string whose escapes are good.
    init(_ raw: manta_json_string) {
        unsafe self.raw = raw
    }

    /// The text that it stands for.
    var text: String {
        guard unsafe raw.has_escapes else {
            return unsafe String(decoding: UnsafeBufferPointer(start: raw.start, count: raw.count), as: UTF8.self)
        }
        return unsafe String(unsafeUninitializedCapacity: raw.count) { target in
            guard let start = target.baseAddress else { return 0 }
            return unsafe manta_json_unescape(raw, start)
        }
    }

    /// Whether it stands for this text; for `switch`.
    static func ~= (pattern: StaticString, string: JSONString) -> Bool {
        if unsafe string.raw.has_escapes { return string.text == "\(pattern)" }
        let count = pattern.utf8CodeUnitCount
        guard unsafe string.raw.count == count else { return false }
        for index in 0..<count where unsafe pattern.utf8Start[index] != string.raw.start[index] { return false }
        return true
    }
}
