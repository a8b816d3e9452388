import MantaHTTP
import Testing

@testable import MantaGRPC

@Suite("Messages in a stream")
struct MessageTests {
    private static let contents: [[UInt8]] = [[7, 7, 7], Array(repeating: 9, count: 300), []]
    /// They, the second compressed, or so it says.
    private static let stream: [UInt8] =
        [0, 0, 0, 0, 3] + contents[0] + [1, 0, 0, 1, 44] + contents[1] + [0, 0, 0, 0, 0]

    private func messages(of stream: [UInt8], in size: Int, limit: Int) throws -> [ReceivedMessage] {
        var (assembler, messages) = (MessageAssembler(limit: limit), [ReceivedMessage]())
        for start in stride(from: 0, to: stream.count, by: size) {
            try unsafe stream[start..<min(start + size, stream.count)].withUnsafeBytes { piece in
                try unsafe assembler.append(piece) { messages.append($0) }
            }
        }
        #expect(!assembler.isWithinMessage)
        return messages
    }

    @Test("they are whole in whatever pieces they come", arguments: [1, 2, 3, 5, 7, 64, 1000])
    func pieces(size: Int) throws {
        let messages = try messages(of: Self.stream + Self.stream, in: size, limit: 300)

        #expect(messages.map(\.bytes) == Self.contents + Self.contents)
        #expect(messages.map(\.isCompressed) == [false, true, false, false, true, false])
        #expect(messages.map(\.heldBytes) == [67, 364, 64, 67, 364, 64])
    }

    @Test("one that is too large is refused as soon as it says so", arguments: [1, 2, 3, 5, 7, 64, 1000])
    func limit(size: Int) throws {
        let error = #expect(throws: GRPCError.self) {
            // Not all of it.
            try messages(of: Array(Self.stream.prefix(13)), in: size, limit: 299)
        }

        #expect(error?.code == .resourceExhausted)
        #expect(error?.message == "the message has 300 bytes, at most 299 are taken")
    }

    @Test("what is compressed comes back", arguments: [ContentCoding.gzip, .deflate])
    func compression(coding: ContentCoding) throws {
        let content = Self.contents[1]
        let frame = unsafe MessageFrame(byteCount: content.count) { unsafe $0.copyBytes(from: content) }

        let message = try #require(
            try messages(of: frame.compressed(coding).bytes, in: 1000, limit: 1000).first)

        #expect(message.isCompressed && message.bytes.count < 100)
        #expect(try message.inflated(coding, limit: 300) == content)
        #expect(throws: GRPCError.self) { try message.inflated(coding, limit: 299) }
        #expect(throws: GRPCError.self) { try message.inflated(nil, limit: 300) }
    }

    @Test("a status's message is sent as ASCII")
    func statusMessage() {
        #expect(GRPCError(.notFound, "100 % of \"nö\"\n").encodedMessage == "100 %25 of \"n%C3%B6\"%0A")
        #expect(GRPCStatus.internalError.name == "INTERNAL")
        #expect(GRPCStatus.deadlineExceeded.name == "DEADLINE_EXCEEDED")
        #expect(GRPCStatus.unauthenticated.rawValue == 16)
    }
}
