import Synchronization

/// Makes request ids: short, unique within and, with luck, between processes.
package enum RequestID {
    /// Where this process's ids begin.
    private static let base = UInt64.random(in: .min ... .max)
    private static let count = Atomic<UInt64>(0)

    /// The client's id if it is fit to be logged and sent back, else a new one.
    ///
    /// A new one has 15 hexadecimal digits, which a `String` holds without allocating.
    package static func choose(_ wanted: String?) -> String {
        if let wanted, (1...128).contains(wanted.utf8.count), wanted.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            return wanted
        }
        let number = base &+ count.wrappingAdd(1, ordering: .relaxed).newValue &* 0x9E37_79B9_7F4A_7C15
        return digits(of: number >> 4)
    }

    /// The number's hexadecimal digits, all 15.
    private static func digits(of number: UInt64) -> String {
        unsafe String(unsafeUninitializedCapacity: 15) { target in
            for index in 0..<15 {
                let digit = UInt8(truncatingIfNeeded: number >> (4 * (14 - index))) & 0xF
                unsafe target[index] = digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
            }
            return 15
        }
    }
}
