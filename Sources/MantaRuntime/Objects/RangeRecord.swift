/// Which ranges of an object are there, in a file beside it: the object's size, the size of a range, and a byte for each
/// range that says whether it is there.
///
/// A range's byte is written after the range, so that whoever is killed meanwhile leaves a record that claims too little.
/// After a loss of power it may claim too much, which the check of the whole object finds.
struct RangeRecord: Sendable, Hashable {
    let layout: ChunkLayout
    /// The ranges that are there.
    private(set) var present: Set<Int> = []

    init(_ layout: ChunkLayout) { self.layout = layout }

    /// Bytes before those of the ranges.
    private static let header = 16

    /// Reads a record; `nil` if there is none that makes sense, or it is about ranges of another size.
    static func read(_ path: String, chunkSize: Int) -> RangeRecord? {
        guard let file = try? BlockingFile(path, for: .read), let head = try? file.read(header, at: 0),
            head.count == header
        else { return nil }
        func number(_ bytes: ArraySlice<UInt8>) -> Int? {
            Int(exactly: bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        }
        guard let size = number(head[..<8]), number(head[8...]) == chunkSize else { return nil }
        var record = RangeRecord(ChunkLayout(byteCount: size, chunkSize: chunkSize))
        guard (try? file.byteCount()) == header + record.layout.count,
            let flags = try? file.read(record.layout.count, at: header)
        else { return nil }
        record.present = Set(flags.indices.filter { flags[$0] == 1 })
        return record
    }

    /// Writes a record of nothing.
    static func create(_ path: String, _ layout: ChunkLayout) throws(ObjectError) {
        func bytes(_ number: Int) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
        let flags = [UInt8](repeating: 0, count: layout.count)
        try BlockingFile(path, for: .create).write(bytes(layout.byteCount) + bytes(layout.chunkSize) + flags, at: 0)
    }

    /// Notes that a range is there, here and in the file.
    mutating func add(_ chunk: Int, in path: String) throws(ObjectError) {
        try BlockingFile(path, for: .update).write([1], at: Self.header + chunk)
        present.insert(chunk)
    }
}
