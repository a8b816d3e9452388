import Testing

@testable import MantaGRPC

@Suite("Messages in a stream")
struct MessageFramingTests {
    /// Two messages of 3 and 300 bytes, the second compressed, and an empty one.
    private static let stream: [UInt8] =
        [0, 0, 0, 0, 3, 7, 7, 7, 1, 0, 0, 1, 44] + Array(repeating: 9, count: 300) + [0, 0, 0, 0, 0]

    @Test("their sizes are found in whatever pieces they come", arguments: [1, 2, 3, 5, 7, 64, 1000])
    func pieces(size: Int) {
        var framing = MessageFraming(limit: 299)
        var found: [Int] = []
        for start in stride(from: 0, to: Self.stream.count, by: size) {
            if let size = framing.read(Self.stream[start..<min(start + size, Self.stream.count)]) { found.append(size) }
        }

        #expect(found.first == 300)
    }

    @Test("a message of just the limit is taken, whatever follows it")
    func limit() {
        var framing = MessageFraming(limit: 300)

        #expect(framing.read(Self.stream + Self.stream) == nil)
        #expect(!framing.isCompressed)
        #expect(framing.read(Self.stream[..<9]) == nil)
        #expect(framing.isCompressed)
        #expect(framing.read([0xFF, 0xFF, 0xFF, 0xFF]) == 0xFFFF_FFFF)
    }
}
