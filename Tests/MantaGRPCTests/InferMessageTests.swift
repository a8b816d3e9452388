import Foundation
import MantaCore
import MantaTestKit
import MantaWire
import SwiftProtobuf
import Testing

@testable import MantaGRPC

@Suite("Messages")
struct InferMessageTests {
    private static let request = Inference_ModelInferRequest.with {
        ($0.modelName, $0.modelVersion, $0.id) = ("m", "3", "7")
        $0.parameters["p"] = .with { $0.int64Param = 300 }
        $0.inputs = [.with { ($0.name, $0.datatype, $0.shape) = ("x", "UINT8", [1, 300]) }]
        $0.outputs = [.with { $0.name = "y" }]
        $0.rawInputContents = [Data(repeating: 5, count: 300), Data(), Data([1])]
    }

    private func read(_ bytes: [UInt8]) throws -> InferMessage {
        try InferMessage(reading: bytes)
    }

    @Test("raw contents are taken out of a request, the rest is as it was")
    func takesRaw() throws {
        let message = try read(Self.request.serializedBytes())

        var rest = Self.request
        rest.rawInputContents = []
        #expect(message.head == rest)
        let raw = message.raw.map { unsafe $0.withUnsafeBytes { unsafe Data($0) } }
        #expect(raw == Self.request.rawInputContents)
    }

    @Test("fields may come in any order, and ones that nobody knows between them")
    func order() throws {
        let raw: [UInt8] = [0x3A, 2, 8, 9]
        let unknown: [UInt8] = [
            0xFA, 0x3E, 3, 1, 2, 3, 0xF9, 0x3E, 1, 2, 3, 4, 5, 6, 7, 8, 0xFD, 0x3E, 1, 2, 3, 4, 0xF8, 0x3E, 5,
        ]
        var rest = Self.request
        rest.rawInputContents = []
        let message = try read(raw + unknown + rest.serializedBytes() + raw)

        #expect(message.raw.map(\.byteCount) == [2, 2])
        #expect(message.head.inputs == rest.inputs)
    }

    @Test("what is cut off anywhere, or changed, is refused or read, and nothing else")
    func damage() throws {
        let bytes: [UInt8] = try Self.request.serializedBytes()
        var generator = SeededGenerator(seed: 11)
        for end in 0..<bytes.count { _ = try? read(Array(bytes[..<end])) }
        for _ in 0..<20_000 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                changed[Int.random(in: changed.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            guard let message = try? read(changed) else { continue }
            _ = try? InferRequestReader.read(message, memory: nil)
        }
        #expect(throws: GRPCError.self) { try read([0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]) }
        #expect(throws: GRPCError.self) { try read(Array(repeating: 0xFF, count: 20)) }
        #expect(throws: GRPCError.self) { try read([0x3B, 0x3C]) }
    }

    @Test("a request of very many parts is refused before they take memory")
    func manyFields() {
        let error = #expect(throws: GRPCError.self) {
            try read(Array(repeatElement([0x3A, 0] as [UInt8], count: 1 << 20).joined()))
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message == "the request has more than 16384 inputs and parameters")
    }

    private static let reply = InferReply(
        InferenceResponse(
            model: ModelID(name: "m", version: 3), id: "7",
            outputs: [
                NamedTensor("y", Tensor(shape: [100], (0..<100).map(Float.init))),
                NamedTensor("empty", Tensor(shape: [0, 2], [] as [Int64])),
                NamedTensor("text", Tensor(shape: [1], strings: ["ab"])),
                NamedTensor(
                    "shared", Tensor(shape: [1], [5] as [UInt8]),
                    slice: MemorySlice(region: "r", offset: 8, byteCount: 1)),
            ]))

    private func expectReply(_ reply: Inference_ModelInferResponse) {
        #expect((reply.modelName, reply.modelVersion, reply.id) == ("m", "3", "7"))
        #expect(reply.outputs.map(\.name) == ["y", "empty", "text", "shared"])
        #expect(reply.outputs.map(\.datatype) == ["FP32", "INT64", "BYTES", "UINT8"])
        #expect(reply.outputs.map(\.shape) == [[100], [0, 2], [1], [1]])
        #expect(reply.rawOutputContents.map(\.count) == [400, 0, 6, 0])
        #expect(reply.rawOutputContents[0].floats == (0..<100).map(Float.init))
        #expect(reply.rawOutputContents[2] == Data([2, 0, 0, 0, 97, 98]))
        #expect(reply.outputs[3].parameters["shared_memory_region"]?.stringParam == "r")
        #expect(reply.outputs[3].parameters["shared_memory_byte_size"]?.int64Param == 1)
        #expect(reply.outputs[3].parameters["shared_memory_offset"]?.int64Param == 8)
    }

    /// The message in a frame.
    private func content(_ frame: MessageFrame) throws -> [UInt8] {
        var (assembler, messages) = (MessageAssembler(limit: 1 << 20), [ReceivedMessage]())
        try unsafe frame.bytes.withUnsafeBytes { bytes in
            try unsafe assembler.append(bytes) { messages.append($0) }
        }
        return try #require(messages.first).bytes
    }

    @Test("replies are what protobuf's own reader finds in them")
    func replies() throws {
        let bytes = try content(MessageFrame(reply: Self.reply))
        let one = try content(MessageFrame(streamed: .reply(Self.reply)))
        let error = try content(MessageFrame(streamed: .error("no")))

        expectReply(try Inference_ModelInferResponse(serializedBytes: bytes))
        let streamed = try Inference_ModelStreamInferResponse(serializedBytes: one)
        #expect(streamed.errorMessage == "")
        expectReply(streamed.inferResponse)
        #expect(try Inference_ModelStreamInferResponse(serializedBytes: error).errorMessage == "no")
    }

    @Test(
        "the time that a client waits is read as gRPC writes it",
        arguments: [
            ("2H", Duration.seconds(7200)), ("3M", .seconds(180)), ("1S", .seconds(1)), ("250m", .milliseconds(250)),
            ("7u", .microseconds(7)), ("99999999n", .nanoseconds(99_999_999)), ("", nil), ("S", nil), ("1", nil),
            ("-1S", nil), ("123456789S", nil), ("1x", nil),
        ] as [(String, Duration?)])
    func timeout(text: String, duration: Duration?) {
        #expect(CallTimeout.duration(text) == duration)
    }
}
