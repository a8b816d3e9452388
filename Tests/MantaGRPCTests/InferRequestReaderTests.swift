import Foundation
import MantaCore
import MantaWire
import SwiftProtobuf
import Testing

@testable import MantaGRPC

@Suite("Requests")
struct InferRequestReaderTests {
    /// A type with four elements, typed and raw.
    struct TypeCase: Sendable, CustomTestStringConvertible {
        let type: DataType
        let raw: [UInt8]
        var contents: Inference_InferTensorContents?
        var testDescription: String { type.rawValue }

        init(_ type: DataType, _ raw: [UInt8], _ contents: Inference_InferTensorContents? = nil) {
            (self.type, self.raw, self.contents) = (type, raw, contents)
        }

        init<Value: TensorElement>(_ values: [Value], _ fill: (inout Inference_InferTensorContents) -> Void) {
            self.init(Value.dataType, unsafe values.withUnsafeBytes { unsafe [UInt8]($0) }, .with(fill))
        }
    }

    static let types: [TypeCase] = [
        TypeCase([true, false, true, true]) { $0.boolContents = [true, false, true, true] },
        TypeCase([-128, -1, 0, 127] as [Int8]) { $0.intContents = [-128, -1, 0, 127] },
        TypeCase([.min, -1, 0, .max] as [Int16]) { $0.intContents = [-32768, -1, 0, 32767] },
        TypeCase([.min, -1, 0, .max] as [Int32]) { $0.intContents = [.min, -1, 0, .max] },
        TypeCase([.min, -1, 0, .max] as [Int64]) { $0.int64Contents = [.min, -1, 0, .max] },
        TypeCase([0, 1, 128, 255] as [UInt8]) { $0.uintContents = [0, 1, 128, 255] },
        TypeCase([0, 1, 256, .max] as [UInt16]) { $0.uintContents = [0, 1, 256, 65535] },
        TypeCase([0, 1, 256, .max] as [UInt32]) { $0.uintContents = [0, 1, 256, .max] },
        TypeCase([0, 1, 256, .max] as [UInt64]) { $0.uint64Contents = [0, 1, 256, .max] },
        TypeCase([0, -1.5, .infinity, .leastNonzeroMagnitude] as [Float]) {
            $0.fp32Contents = [0, -1.5, .infinity, .leastNonzeroMagnitude]
        },
        TypeCase([0, -1.5, .infinity, .pi] as [Double]) { $0.fp64Contents = [0, -1.5, .infinity, .pi] },
        TypeCase(
            .bytes, [0, 0, 0, 0, 1, 0, 0, 0, 255, 2, 0, 0, 0, 65, 0, 0, 0, 0, 0],
            .with { $0.bytesContents = [Data(), Data([255]), Data([65, 0]), Data()] }),
        TypeCase(.fp16, [0, 0x3C, 0, 0xBC, 0xFF, 0x7B, 1, 0]),
        TypeCase(.bf16, [0x80, 0x3F, 0x80, 0xBF, 0x7F, 0x7F, 1, 0]),
    ]

    /// A request with one input.
    private func request(
        _ type: DataType, _ shape: [Int64], raw: [UInt8]? = nil, contents: Inference_InferTensorContents? = nil,
        _ change: (inout Inference_ModelInferRequest) -> Void = { _ in }
    ) -> Inference_ModelInferRequest {
        .with {
            var input = Inference_ModelInferRequest.InferInputTensor()
            (input.name, input.datatype, input.shape) = ("x", type.rawValue, shape)
            if let contents { input.contents = contents }
            $0.inputs = [input]
            if let raw { $0.rawInputContents = [Data(raw)] }
            change(&$0)
        }
    }

    /// Reads a request as the listener does: from its bytes.
    private func read(_ request: Inference_ModelInferRequest) throws -> InferenceRequest {
        let bytes: [UInt8] = try request.serializedBytes()
        let message = try unsafe bytes.withUnsafeBytes { try unsafe InferMessage(reading: $0) }
        return try InferRequestReader.read(message, memory: nil)
    }

    private func refusal(_ request: Inference_ModelInferRequest) -> ServingError? {
        #expect(throws: ServingError.self) { try read(request) }
    }

    @Test("every type is read raw", arguments: types)
    func raw(type: TypeCase) throws {
        let input = try #require(read(request(type.type, [2, 2], raw: type.raw)).inputs.first)

        #expect(input.name == "x")
        #expect(input.tensor.dataType == type.type)
        #expect(input.tensor.shape == [2, 2])
        #expect(unsafe input.tensor.withUnsafeBytes { unsafe [UInt8]($0) } == type.raw)
    }

    @Test("typed contents make the same tensor as raw ones", arguments: types)
    func typed(type: TypeCase) throws {
        guard let contents = type.contents else {
            let error = refusal(request(type.type, [4]))
            #expect(error?.message.contains("has no typed contents: send it in raw_input_contents") == true)
            return
        }
        let input = try #require(read(request(type.type, [4], contents: contents)).inputs.first)

        #expect(input.tensor.dataType == type.type)
        #expect(unsafe input.tensor.withUnsafeBytes { unsafe [UInt8]($0) } == type.raw)
    }

    @Test("contents of another number of elements, raw and typed, are refused", arguments: types)
    func count(type: TypeCase) {
        #expect(refusal(request(type.type, [5], raw: type.raw))?.code == .invalidRequest)
        #expect(refusal(request(type.type, [3], raw: type.raw))?.code == .invalidRequest)
        #expect(refusal(request(type.type, [4], raw: Array(type.raw.dropLast())))?.code == .invalidRequest)
        guard let contents = type.contents else { return }
        #expect(refusal(request(type.type, [5], contents: contents))?.message.contains("has 5 elements, but") == true)
        #expect(refusal(request(type.type, [3], contents: contents))?.message.contains("has 3 elements, but") == true)
    }

    @Test("contents in another type's field are refused by its name", arguments: types)
    func wrongField(type: TypeCase) throws {
        for other in Self.types {
            guard let contents = other.contents, let own = type.contents, !own.isSameField(as: contents) else {
                continue
            }
            let error = try #require(refusal(request(type.type, [4], contents: contents)))
            #expect(error.message.hasPrefix("input \"x\": expected "))
            #expect(error.message.contains("since it is \(type.type.rawValue), found "))
        }
    }

    @Test(
        "integers beyond their type are refused",
        arguments: [
            (DataType.int8, [0, 128], "an integer from -128 to 127, since it is INT8, found 128"),
            (.int8, [0, -129], "an integer from -128 to 127, since it is INT8, found -129"),
            (.int16, [0, 32768], "an integer from -32768 to 32767, since it is INT16, found 32768"),
            (.uint8, [0, 256], "an integer from 0 to 255, since it is UINT8, found 256"),
            (.uint16, [0, 65536], "an integer from 0 to 65535, since it is UINT16, found 65536"),
        ])
    func range(type: DataType, values: [Int64], reason: String) {
        let contents = Inference_InferTensorContents.with {
            if type == .int8 || type == .int16 {
                $0.intContents = values.map(Int32.init)
            } else {
                $0.uintContents = values.map(UInt32.init)
            }
        }
        #expect(
            refusal(request(type, [2], contents: contents))?.message == "input \"x\": element 1: expected \(reason)")
    }

    @Test("tensors without elements and scalars are tensors", arguments: [([0], 0), ([2, 0, 3], 0), ([], 1)])
    func sizes(shape: [Int64], count: Int) throws {
        let raw = try read(request(.fp32, shape, raw: Array(repeating: 0, count: 4 * count)))
        let typed = try read(
            request(.fp32, shape, contents: .with { $0.fp32Contents = Array(repeating: 0, count: count) }))

        #expect(raw.inputs.first?.tensor.elementCount == count)
        #expect(typed.inputs.first?.tensor.shape == Shape(shape.map(Int.init)))
    }

    @Test(
        "shapes that can't be are refused",
        arguments: [
            ([-1, 2], "input \"x\": shape: expected sizes of at least 0, found -1"),
            (
                [1 << 40, 1 << 40],
                "input \"x\": shape [1099511627776, 1099511627776] has more elements than can be counted"
            ),
            (
                [1 << 61],
                "input \"x\": the size of its raw contents is 4, but FP32 [2305843009213693952] takes more bytes than can be counted"
            ),
            (
                [.max],
                "input \"x\": the size of its raw contents is 4, but FP32 [9223372036854775807] takes more bytes than can be counted"
            ),
        ])
    func shapes(shape: [Int64], reason: String) {
        #expect(refusal(request(.fp32, shape, raw: [0, 0, 0, 0]))?.message == reason)
    }

    @Test("raw contents are what their type allows")
    func rawRules() {
        #expect(
            refusal(request(.bool, [2], raw: [1, 2]))?.message
                == "input \"x\": element 1: expected the byte 0 or 1, since it is BOOL, found 2")
        #expect(
            refusal(request(.bytes, [1], raw: [9, 0, 0, 0, 65]))?.message
                == "input \"x\": its 5 bytes aren't 1 BYTES elements, each a length in 4 bytes and so many bytes")
    }

    @Test("raw contents belong to inputs one by one, and exclude typed ones")
    func rawEntries() {
        let two = request(.int8, [1], raw: [1]) { $0.inputs.append($0.inputs[0]) }
        let spare = request(.int8, [1], raw: [1]) { $0.rawInputContents.append(Data([2])) }
        let both = request(.int8, [1], raw: [1], contents: .with { $0.intContents = [1] })

        #expect(
            refusal(two)?.message == "input \"x\": raw_input_contents has 1 entries, and none is left for it")
        #expect(refusal(spare)?.message == "raw_input_contents has 2 entries, but 1 inputs take one")
        #expect(
            refusal(both)?.message == "input \"x\": expected no contents, since the request has raw_input_contents")
    }

    @Test("what is missing or unknown is named")
    func names() {
        #expect(
            refusal(request(.int8, [1], raw: [1]) { $0.inputs[0].name = "" })?.message == "inputs[0]: name is missing")
        #expect(
            refusal(request(.int8, [1], raw: [1]) { $0.inputs[0].datatype = "INT7" })?.message.hasSuffix(
                "found \"INT7\"") == true)
        #expect(
            refusal(request(.int8, [1], raw: [1]) { $0.outputs = [.init()] })?.message == "outputs[0]: name is missing")
        #expect(
            refusal(request(.int8, [1], raw: [1]) { $0.parameters["triton_x"] = .with { $0.boolParam = true } })?
                .message
                == "parameter \"triton_x\": names that begin with \"triton_\" are reserved")
    }

    @Test("parameters, id and outputs come along")
    func rest() throws {
        let read = try read(
            request(.int8, [1], raw: [1]) {
                $0.id = "7"
                $0.parameters = [
                    "a": .with { $0.boolParam = true }, "b": .with { $0.int64Param = -1 },
                    "c": .with { $0.stringParam = "s" }, "d": .with { $0.doubleParam = 0.5 },
                    "e": .with { $0.uint64Param = 5 },
                    "triton_enable_empty_final_response": .with { $0.boolParam = true },
                ]
                $0.outputs = [
                    .with {
                        $0.name = "y"; $0.parameters["classification"] = .with { $0.int64Param = 3 }
                    }
                ]
            })

        #expect(read.id == "7")
        #expect(
            read.parameters == [
                "a": .bool(true), "b": .integer(-1), "c": .string("s"), "d": .double(0.5), "e": .integer(5),
            ])
        #expect(read.outputs == [RequestedOutput("y", classes: 3)])
    }

    @Test("classification and shared memory have their rules")
    func outputs() {
        func output(_ parameters: [String: Inference_InferParameter]) -> ServingError? {
            refusal(
                request(.int8, [1], raw: [1]) {
                    $0.outputs = [
                        .with {
                            $0.name = "y"; $0.parameters = parameters
                        }
                    ]
                })
        }
        let region = Inference_InferParameter.with { $0.stringParam = "r" }
        let zero = Inference_InferParameter.with { $0.int64Param = 0 }

        #expect(
            output(["classification": zero])?.message
                == "output \"y\": parameter \"classification\": expected an integer of at least 1")
        #expect(
            output(["shared_memory_region": region])?.message
                == "output \"y\": parameter \"shared_memory_byte_size\" is missing")
        #expect(
            output(["shared_memory_offset": zero])?.message
                == "output \"y\": parameter \"shared_memory_region\" is missing")
    }
}

extension Inference_InferTensorContents {
    fileprivate func isSameField(as other: Self) -> Bool {
        let lists: [(Self) -> Bool] = [
            { !$0.boolContents.isEmpty }, { !$0.intContents.isEmpty }, { !$0.int64Contents.isEmpty },
            { !$0.uintContents.isEmpty }, { !$0.uint64Contents.isEmpty }, { !$0.fp32Contents.isEmpty },
            { !$0.fp64Contents.isEmpty }, { !$0.bytesContents.isEmpty },
        ]
        return lists.contains { $0(self) && $0(other) }
    }
}
