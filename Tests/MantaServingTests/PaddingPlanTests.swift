import MantaCore
import Testing

@testable import MantaServing

@Suite("What is padded and cut")
struct PaddingPlanTests {
    static func port(_ name: String, _ dimension: Int? = 1, buckets: [Int] = [4, 8]) -> TensorPort {
        var port = TensorPort(name: name)
        port.padding = dimension.map { .init(dimension: $0, buckets: buckets) }
        return port
    }

    static func output(_ name: String, _ dimensions: [Int]?) -> TensorPort {
        var port = TensorPort(name: name)
        port.paddedDimensions = dimensions
        return port
    }

    private func plan(
        _ inputs: [TensorSpec], _ outputs: [TensorSpec], padded: [TensorPort], declared: [TensorPort] = [],
        _ configure: (inout DeploymentConfiguration) -> Void = { _ in }
    ) throws(ServingError) -> PaddingPlan? {
        var configuration = DeploymentConfiguration(name: "m")
        (configuration.inputs, configuration.outputs) = (padded, declared)
        configure(&configuration)
        let signature = ModelSignature(inputs: inputs, outputs: outputs)
        return try PaddingPlan(
            configuration, signature,
            BatchPlan(signature: signature, configured: nil))
    }

    private func message(_ body: () throws(ServingError) -> PaddingPlan?) -> String? {
        do throws(ServingError) {
            _ = try body()
            return nil
        } catch {
            return error.message
        }
    }

    private let ids = TensorSpec("ids", .int64, [-1, -1], symbols: ["batch", "sequence"])
    private let mask = TensorSpec("mask", .int64, [-1, -1], symbols: ["batch", "sequence"])

    @Test("outputs are cut along the dimensions that the model calls as that of the inputs")
    func names() throws {
        let plan = try #require(
            try plan(
                [ids, mask],
                [
                    TensorSpec("tokens", .fp32, [-1, -1, 3], symbols: ["batch", "sequence", nil]),
                    TensorSpec("pooled", .fp32, [-1, 3]),
                    TensorSpec("attention", .fp32, [-1, 2, -1, -1], symbols: ["batch", nil, "sequence", "sequence"]),
                ], padded: [Self.port("ids"), Self.port("mask")]))

        #expect(plan.dimensions == [1, 1])
        #expect(plan.following == [[1], [], [2, 3]])
        #expect([0, 3, 4, 5, 8, 9, 100].map(plan.bucket) == [4, 4, 4, 8, 8, 9, 100])
    }

    @Test("an output's dimension of no or another name has to be declared", arguments: [nil, "tokens"])
    func declared(symbol: String?) throws {
        let output = TensorSpec("y", .fp32, [-1, -1], symbols: ["batch", symbol])

        let fault = message { () throws(ServingError) in try plan([ids], [output], padded: [Self.port("ids")]) }
        let cut = try plan([ids], [output], padded: [Self.port("ids")], declared: [Self.output("y", [1])])
        let kept = try plan([ids], [output], padded: [Self.port("ids")], declared: [Self.output("y", [])])

        #expect(
            fault == "output \"y\": it isn't known whether dimension 1 of [-1, -1] is as long as the padded inputs: "
                + "say it with \"padded_dimensions\" under \"outputs\", [] for none")
        #expect(cut?.following == [[1]])
        #expect(kept?.following == [[]])
    }

    @Test("what makes no sense is refused by name")
    func refusals() {
        let output = TensorSpec("y", .fp32, [-1, 3])
        let pixels = TensorSpec("pixels", .fp32, [-1, -1], symbols: ["batch", "pixels"])
        let text = TensorSpec("text", .bytes, [-1, -1])
        let small = TensorSpec("ids", .int8, [-1, -1])
        var large = Self.port("ids")
        large.padding?.value = .integer(300)
        var reshaped = Self.port("ids")
        (reshaped.shape, reshaped.reshape) = ([-1, -1], [-1, -1])

        func fault(
            _ inputs: [TensorSpec], _ padded: [TensorPort], declared: [TensorPort] = [],
            _ configure: (inout DeploymentConfiguration) -> Void = { _ in }
        ) -> String? {
            message { () throws(ServingError) in
                try plan(inputs, [output], padded: padded, declared: declared, configure)
            }
        }

        #expect(fault([ids], [Self.port("ids")]) == nil)
        #expect(
            fault([ids, mask], [Self.port("ids"), Self.port("mask", nil)])
                == "input \"mask\": dimension 1 is \"sequence\" as that of \"ids\" is: expected it padded too")
        #expect(
            fault([ids, pixels], [Self.port("ids"), Self.port("pixels")])
                == "inputs: padding: the padded inputs have one length, but the model calls that of \"ids\" "
                + "\"sequence\" and that of \"pixels\" \"pixels\"")
        #expect(
            fault([ids, mask], [Self.port("ids"), Self.port("mask", buckets: [4])])
                == "inputs: padding.buckets: expected the same of all inputs, since they have one length: "
                + "\"ids\" has [4, 8], \"mask\" [4]")
        #expect(
            fault([text], [Self.port("text")])
                == "input \"text\": padding: expected an input of numbers, not of BYTES")
        #expect(fault([small], [large]) == "input \"ids\": padding: value: expected a number that INT8 has, got 300")
        #expect(
            fault([ids], [Self.port("ids", 2)])
                == "input \"ids\": padding: dimension: expected one of [-1, -1], the batch being 0, got 2")
        #expect(
            fault([TensorSpec("ids", .int64, [-1, 7])], [Self.port("ids")])
                == "input \"ids\": padding: dimension: expected a size that is free, but 1 of [-1, 7] is fixed")
        #expect(fault([ids], [reshaped]) == "input \"ids\": padding: expected no \"reshape\" beside it")
        #expect(
            fault([ids], [Self.port("ids")]) { $0.batching.maxRows = 0 }
                == "inputs: padding is for requests that share batches, but batching.max_batch_size is 0")
        #expect(
            fault([ids], [Self.port("ids")]) { $0.batching.isAcrossRequests = false }
                == "inputs: padding is for requests that share batches, but batching.across_requests is false")
        #expect(
            fault([ids], [Self.port("ids", nil)], declared: [Self.output("y", [1])])
                == "outputs: padded_dimensions: expected an input with \"padding\"")
        #expect(
            fault([ids], [Self.port("ids")], declared: [Self.output("y", [1])])
                == "output \"y\": padded_dimensions: expected free sizes of [-1, 3], the batch being 0, got 1")
        #expect(
            fault([TensorSpec("ids", .int64, [1, -1])], [Self.port("ids")])
                == "inputs: padding is for requests that share batches, but they run alone: the first dimension of "
                + "input \"ids\" [1, -1] isn't free")
    }

    @Test("a value is what the type of the input has")
    func values() {
        func element(_ value: TensorPort.Padding.Value, _ type: DataType) -> [UInt8]? {
            TensorPort.Padding(dimension: 1, buckets: [1], value: value).element(of: type)
        }

        #expect(element(.integer(-1), .int16) == [0xFF, 0xFF])
        #expect(element(.integer(-1), .uint16) == nil)
        #expect(element(.integer(258), .int32) == [2, 1, 0, 0])
        #expect(element(.decimal(1.5), .int32) == nil)
        #expect(element(.decimal(2), .int8) == [2])
        #expect(element(.integer(2), .bool) == nil)
        #expect(element(.integer(1), .bool) == [1])
        #expect(element(.integer(1), .fp16) == [0x00, 0x3C])
        #expect(element(.decimal(70_000), .fp16) == nil)
        #expect(element(.integer(1), .bf16) == [0x80, 0x3F])
        #expect(element(.decimal(3.4e38), .bf16) == [0x80, 0x7F] || element(.decimal(3.4e38), .bf16) == nil)
        #expect(element(.decimal(0.5), .fp32) == [0, 0, 0, 0x3F])
        #expect(element(.decimal(1e39), .fp32) == nil)
        #expect(element(.integer(1), .fp64) == [0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
        #expect(element(.integer(0), .bytes) == nil)
    }
}
