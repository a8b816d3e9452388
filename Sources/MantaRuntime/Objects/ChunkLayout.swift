/// How an object is divided into ranges that are fetched one by one.
package struct ChunkLayout: Sendable, Hashable {
    /// Of the object.
    package let byteCount: Int
    /// Of each range but the last, which may be shorter.
    package let chunkSize: Int

    /// An object's ranges.
    package init(byteCount: Int, chunkSize: Int) {
        (self.byteCount, self.chunkSize) = (byteCount, chunkSize)
    }

    /// How many ranges there are.
    package var count: Int { byteCount / chunkSize + (byteCount % chunkSize > 0 ? 1 : 0) }

    /// The bytes of a range.
    package func range(of chunk: Int) -> Range<Int> {
        let start = chunk * chunkSize
        return start..<start + min(chunkSize, byteCount - start)
    }

    /// The ranges that these bytes are in.
    package func chunks(of bytes: Range<Int>) -> Range<Int> {
        guard !bytes.isEmpty else { return 0..<0 }
        return bytes.lowerBound / chunkSize..<(bytes.upperBound - 1) / chunkSize + 1
    }
}
