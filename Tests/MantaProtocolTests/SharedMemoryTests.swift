import MantaCore
import MantaProtocol
import MantaSharedMemory
import MantaTestKit
import Testing

@Suite("Tensors in shared memory, in requests and replies")
struct SharedMemoryTests {
    private func parameters(_ slice: MemorySlice, using random: inout SeededGenerator) -> String {
        var members = [
            #""shared_memory_region":"\#(slice.region)""#, #""shared_memory_byte_size":\#(slice.byteCount)"#,
            #""unknown":1"#,
        ]
        if slice.offset != 0 || Bool.random(using: &random) {
            members.append(#""shared_memory_offset":\#(slice.offset)"#)
        }
        return #""parameters":{\#(members.shuffled(using: &random).joined(separator: ","))}"#
    }

    @Test("random inputs come back from shared memory, JSON and binary, mixed", arguments: 0..<100)
    func inputs(round: UInt64) throws {
        let seed = 0x6D61_6E74_6400 + round
        var random = SeededGenerator(seed: seed)
        let inputs = RandomRequest.inputs(using: &random)
        let memory = SharedMemory()
        var (bytes, binary, texts): ([UInt8], [UInt8], [String]) = ([], [], [])
        for input in inputs {
            let tensor = input.tensor
            let name = input.name.replacing("\"", with: "\\\"")
            let head = #""name":"\#(name)","shape":\#(tensor.shape),"datatype":"\#(tensor.dataType.rawValue)""#
            switch Int.random(in: 0..<3, using: &random) {
            case 0: texts.append("{\(head),\"data\":[\(try data(tensor))]}")
            case 1:
                texts.append("{\(head),\"parameters\":{\"binary_data_size\":\(tensor.byteCount)}}")
                binary += tensor.bytes
            default:
                bytes += [UInt8](repeating: 0xFF, count: Int.random(in: 0...5, using: &random))
                let slice = MemorySlice(region: "r", offset: bytes.count, byteCount: tensor.byteCount)
                texts.append(
                    "{\([head, parameters(slice, using: &random)].shuffled(using: &random).joined(separator: ","))}")
                bytes += tensor.bytes
            }
        }
        let object = SharedMemoryObject(bytes)
        try memory.register(.init(name: "r", key: object.key, byteCount: bytes.count))
        let json = Array("{\"inputs\":[\(texts.joined(separator: ","))]}".utf8)

        let request = try InferenceCodec.decode(
            json + binary, headerLength: json.count, signature: oneInput, memory: memory
        ).request

        #expect(request.inputs.map(\.name) == inputs.map(\.name), "seed \(seed)")
        for (found, given) in zip(request.inputs, inputs) {
            #expect(found.tensor.dataType == given.tensor.dataType, "seed \(seed)")
            #expect(found.tensor.shape == given.tensor.shape, "seed \(seed)")
            #expect(found.tensor.bytes == given.tensor.bytes, "seed \(seed)")
        }
    }

    @Test("random outputs are asked for as the request says", arguments: 0..<100)
    func outputs(round: UInt64) throws {
        let seed = 0x6D61_6E74_6500 + round
        var random = SeededGenerator(seed: seed)
        let wanted = (0..<Int.random(in: 0...4, using: &random)).map { index in
            switch Int.random(in: 0..<3, using: &random) {
            case 0: RequestedOutput("y\(index)")
            case 1: RequestedOutput("y\(index)", classes: Int.random(in: 1 ... .max, using: &random))
            default:
                RequestedOutput(
                    "y\(index)",
                    slice: MemorySlice(
                        region: "r \(index)", offset: [0, 7, .max].randomElement(using: &random) ?? 0,
                        byteCount: [0, 7, .max].randomElement(using: &random) ?? 0))
            }
        }
        let texts = wanted.map { output in
            var text = #"{"name":"\#(output.name)""#
            if let classes = output.classes { text += #","parameters":{"classification":\#(classes)}"# }
            if let slice = output.slice { text += "," + parameters(slice, using: &random) }
            return text + "}"
        }

        let request = try decode(#"{"inputs":[],"outputs":[\#(texts.joined(separator: ","))]}"#).request

        #expect(request.outputs == wanted, "seed \(seed)")
    }

    @Test("an output in shared memory has its place in the reply, and no bytes there")
    func reply() throws {
        let tensor = Tensor(shape: [2], [1, 2] as [Int16])
        let outputs = [
            NamedTensor("a", tensor, slice: MemorySlice(region: "r\"", byteCount: 4)), NamedTensor("b", tensor),
            NamedTensor("c", tensor, slice: MemorySlice(region: "r", offset: .max, byteCount: .max)),
        ]
        let form = try decode(#"{"inputs":[],"parameters":{"binary_data_output":true}}"#).reply

        for (form, data) in [(ReplyForm(), #""data":[1,2]"#), (form, #""parameters":{"binary_data_size":4}"#)] {
            let encoded = try encode(outputs, as: form)

            #expect(
                encoded.json == #"{"model_name":"digits","model_version":"3","outputs":["#
                    + #"{"name":"a","datatype":"INT16","shape":[2],"parameters":{"shared_memory_region":"r\"","#
                    + #""shared_memory_byte_size":4}},{"name":"b","datatype":"INT16","shape":[2],\#(data)},"#
                    + #"{"name":"c","datatype":"INT16","shape":[2],"parameters":{"shared_memory_region":"r","#
                    + #""shared_memory_byte_size":9223372036854775807,"shared_memory_offset":9223372036854775807}}]}"#)
            #expect(encoded.binary == (encoded.headerLength == nil ? [] : [1, 0, 2, 0]))
        }
    }

    @Test("texts that aren't UTF-8 may go into shared memory, whatever the form of the reply")
    func anyBytes() throws {
        let output = NamedTensor(
            "y", Tensor(shape: [1], elements: [[0xFF]]), slice: MemorySlice(region: "r", byteCount: 5))

        #expect(try encode([output]).json.contains(#""shared_memory_byte_size":5"#))
    }

    @Test("without shared memory, whoever asks for it is told so")
    func forbidden() {
        let json =
            #"{"inputs":[{"name":"x","shape":[0],"datatype":"FP32","parameters":{"shared_memory_region":"r","#
            + #""shared_memory_byte_size":0}}]}"#

        #expect(
            refusal(of: json, .forbidden)
                == #"input "x": clients may not use shared memory here: start Manta with --allow-shared-memory"#)
    }

    @Test(
        "parameters of outputs that have it wrong are refused by name",
        arguments: [
            (#""classification":0"#, #"parameter "classification": expected an integer of at least 1, found 0"#),
            (#""classification":1.5"#, #"parameter "classification": expected an integer of at least 1, found 1.5"#),
            (#""shared_memory_offset":1"#, #"parameter "shared_memory_region" is missing"#),
            (#""shared_memory_region":"r""#, #"parameter "shared_memory_byte_size" is missing"#),
            (
                #""shared_memory_region":true,"shared_memory_byte_size":1"#,
                #"parameter "shared_memory_region": expected a string, found true"#
            ),
            (
                #""shared_memory_region":"r","shared_memory_byte_size":18446744073709551615"#,
                #"parameter "shared_memory_byte_size": expected an integer of at least 0, found 1.8446744073709552e+19"#
            ),
        ])
    func wrongOutputs(parameters: String, message: String) {
        #expect(
            refusal(of: #"{"inputs":[],"outputs":[{"name":"y","parameters":{\#(parameters)}}]}"#)
                == "output \"y\": \(message)")
    }
}
