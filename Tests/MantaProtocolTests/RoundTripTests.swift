import MantaCore
import MantaProtocol
import MantaTestKit
import Testing

@Suite("Round trips")
struct RoundTripTests {
    @Test("random tensors of every type come back from JSON with their exact bytes", arguments: DataType.allCases)
    func throughJSON(type: DataType) throws {
        let seed: UInt64 = 0x6D61_6E74_6103
        var random = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            let tensor = RandomRequest.tensor(type, using: &random)

            let back = try MantaProtocolTests.tensor(type, tensor.shape, "[\(try data(tensor))]")

            #expect(back.bytes == tensor.bytes, "seed \(seed)")
            #expect(back.shape == tensor.shape, "seed \(seed)")
        }
    }

    @Test("all values of 16 bits come back from JSON", arguments: [DataType.fp16, .bf16])
    func allSixteenBits(type: DataType) throws {
        let infinity: UInt16 = type == .fp16 ? 0x7C00 : 0x7F80
        let all = (UInt16.min...UInt16.max).filter { $0 & 0x7FFF <= infinity }

        #expect(try tensor(type, [all.count], "[\(try data(.of(type, bits: all)))]").bits == all)
    }

    @Test("random requests come back in JSON and binary", arguments: 0..<100)
    func requests(round: UInt64) throws {
        let seed = 0x6D61_6E74_6104 + round
        var random = SeededGenerator(seed: seed)
        let inputs = RandomRequest.inputs(using: &random)
        let (body, headerLength) = try RandomRequest.body(inputs, using: &random)

        let request = try InferenceCodec.decode(body, headerLength: headerLength, signature: oneInput).request

        #expect(request.inputs.map(\.name) == inputs.map(\.name), "seed \(seed)")
        for (found, given) in zip(request.inputs, inputs) {
            #expect(found.tensor.dataType == given.tensor.dataType, "seed \(seed)")
            #expect(found.tensor.shape == given.tensor.shape, "seed \(seed)")
            #expect(found.tensor.bytes == given.tensor.bytes, "seed \(seed)")
        }
    }

    @Test("broken bodies give a request or an error, and nothing worse", arguments: 0..<200)
    func mutations(round: UInt64) throws {
        let seed = 0x6D61_6E74_6105 + round
        var random = SeededGenerator(seed: seed)
        let (body, headerLength) = try RandomRequest.body(RandomRequest.inputs(using: &random), using: &random)
        for _ in 0..<100 {
            let broken = RandomRequest.mutated(body, using: &random)
            var length = headerLength
            if Int.random(in: 0..<10, using: &random) == 0 {
                length = Int.random(in: -1...broken.count, using: &random)
            }

            do throws(ServingError) {
                let request = try InferenceCodec.decode(broken, headerLength: length, signature: oneInput).request
                // What passed is whole.
                for input in request.inputs {
                    #expect(input.tensor.shape.elementCount != nil, "seed \(seed)")
                    if let width = input.tensor.dataType.byteWidth {
                        #expect(input.tensor.byteCount == input.tensor.elementCount * width, "seed \(seed)")
                    } else {
                        #expect(input.tensor.elements.count == input.tensor.elementCount, "seed \(seed)")
                    }
                }
            } catch {
                #expect(error.code == .invalidRequest || error.code == .unsupported, "seed \(seed)")
                #expect(!error.message.isEmpty && error.message.utf8.count < 1000, "seed \(seed): \(error.message)")
            }
        }
    }

    @Test("a body cut off anywhere is refused")
    func truncations() throws {
        var random = SeededGenerator(seed: 0x6D61_6E74_6106)
        let (body, headerLength) = try RandomRequest.body(RandomRequest.inputs(using: &random), using: &random)
        for length in 0..<body.count {
            #expect(
                !refusal { () throws(ServingError) in
                    _ = try InferenceCodec.decode(
                        Array(body[..<length]), headerLength: headerLength.map { min($0, max(length, 1)) },
                        signature: oneInput)
                }.isEmpty)
        }
    }
}
