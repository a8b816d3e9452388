/// Tells whether stored bytes are those that were written: SQLite checks its structure but not the content.
///
/// FNV-1a with 64 bits (Fowler, Noll, Vo): against accidents, not against intent.
struct Checksum {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    /// Adds bytes and how many they are.
    mutating func add(_ bytes: some Collection<UInt8>) {
        for byte in bytes { add(byte) }
        add(Int64(bytes.count))
    }

    /// Adds a number.
    mutating func add(_ number: Int64) {
        for shift in stride(from: 0, to: 64, by: 8) { add(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    private mutating func add(_ byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x100_0000_01B3
    }
}

extension Entry {
    /// The checksum as it is stored.
    var checksum: Int64 {
        var checksum = Checksum()
        checksum.add(key.utf8)
        checksum.add(value)
        for number in [created, modified, lease?.rawValue ?? 0] { checksum.add(number) }
        return Int64(bitPattern: checksum.value)
    }
}
