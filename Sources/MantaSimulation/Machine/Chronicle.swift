import MantaTime

/// What happened in a world, in order.
struct Chronicle {
    /// Of all lines: two runs of a seed that differ anywhere differ in it (FNV-1a, 64 bits).
    private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    /// Told each line.
    var reader: ((String) -> Void)?

    mutating func write(_ line: String, at now: Instant) {
        let time = (now - .origin).nanoseconds
        for shift in stride(from: 0, to: 64, by: 8) { add(UInt8(truncatingIfNeeded: time >> shift)) }
        for byte in line.utf8 { add(byte) }
        if let reader {
            let milliseconds = time / 1_000_000
            let digits = String(milliseconds % 1000 + 1000).dropFirst()
            reader("\(milliseconds / 1000).\(digits) \(line)")
        }
    }

    private mutating func add(_ byte: UInt8) {
        digest = (digest ^ UInt64(byte)) &* 0x100_0000_01B3
    }
}
