import MantaCore
import MantaTestKit
import Synchronization
import Testing

@testable import MantaServing

@Suite("A version with padded inputs", .timeLimit(.minutes(1)))
struct PaddedVersionTests {
    private static let signature = ModelSignature(
        inputs: [TensorSpec("ids", .int64, [-1, -1], symbols: ["n", "s"])],
        outputs: [TensorSpec("tokens", .int64, [-1, -1], symbols: ["n", "s"]), TensorSpec("sum", .int64, [-1, 1])])

    /// Gives back each token, and the sum of each row.
    private static let body: FakeEngine.Body = { inputs in
        let ids = inputs.compactMap(\.self)[0]
        let (values, rows, length): ([Int64], Int, Int) = (
            ids.values() ?? [], ids.shape.dimensions[0], ids.shape.dimensions[1]
        )
        let sums = (0..<rows).map { row in values[row * length..<(row + 1) * length].reduce(0, +) }
        return [ids, Tensor(shape: [rows, 1], sums)]
    }

    private static func padded(_ configuration: inout DeploymentConfiguration) {
        configuration.inputs = [PaddingPlanTests.port("ids", buckets: [4, 8])]
        configuration.inputs[0].padding?.value = .integer(0)
        // Batches are full from the start, and a pair of requests runs once both are there.
        configuration.batching.maxDelay = .seconds(60)
        configuration.batching.preferredRows = [2]
    }

    private func request(_ values: Int64...) -> InferenceRequest {
        InferenceRequest(inputs: [NamedTensor("ids", Tensor(shape: [1, values.count], values))])
    }

    @Test("requests of different lengths share a batch, and each gets its own positions back")
    func shares() async throws {
        let shapes = Mutex<[Shape]>([])
        let engine = FakeEngine(signature: Self.signature) { inputs throws(ServingError) in
            shapes.withLock { $0.append(inputs[0]?.shape ?? []) }
            return try Self.body(inputs)
        }
        try await serving(engine) {
            Self.padded(&$0)
        } body: { version in
            async let first = version.answer(request(1, 2))
            async let second = version.answer(request(3, 4, 5))
            let (short, long) = try await (first, second)

            #expect(short.outputs.map(\.tensor.shape) == [[1, 2], [1, 1]])
            #expect(short.outputs[0].tensor.values() == [1, 2] as [Int64])
            #expect(short.outputs[1].tensor.values() == [3] as [Int64])
            #expect(long.outputs[0].tensor.values() == [3, 4, 5] as [Int64])
            #expect(long.outputs[1].tensor.values() == [12] as [Int64])
            #expect(short.timing.batchRows == 2)
        }
        #expect(shapes.withLock { $0.last } == [2, 3], "no longer than the longest of the batch")
    }

    @Test("requests of another bucket, and those beyond the last of another length, don't")
    func keepsApart() async throws {
        let engine = FakeEngine(signature: Self.signature, body: Self.body)
        try await serving(engine) {
            Self.padded(&$0)
            $0.batching.maxDelay = .zero
            $0.batching.preferredRows = []
        } body: { version in
            let requests = [request(1), request(1, 2, 3, 4, 5), request(1, 2, 3, 4, 5, 6, 7, 8, 9)]
            for request in requests {
                let response = try await version.answer(request)
                #expect(response.outputs[0].tensor.shape == request.inputs[0].tensor.shape)
                #expect(response.timing.batchRows == 1)
            }
        }
    }

    @Test("inputs of one request have one length")
    func oneLength() async throws {
        var signature = Self.signature
        signature.inputs.append(TensorSpec("mask", .int64, [-1, -1], symbols: ["n", "s"]))
        let engine = FakeEngine(signature: signature, body: Self.body)
        try await serving(engine) {
            Self.padded(&$0)
            $0.inputs.append(PaddingPlanTests.port("mask", buckets: [4, 8]))
        } body: { version in
            var request = request(1, 2)
            request.inputs.append(NamedTensor("mask", Tensor(shape: [1, 3], [1, 1, 1] as [Int64])))

            let error = await #expect(throws: ServingError.self) { try await version.answer(request) }

            #expect(error?.code == .invalidRequest)
            #expect(
                error?.message == "input \"mask\": expected the size 2 in dimension 1, as long as the other inputs, "
                    + "got shape [1, 3]")
        }
    }

    @Test("a model whose outputs follow otherwise than declared isn't served")
    func warmUp() async throws {
        var signature = Self.signature
        signature.outputs[0].symbols = []
        func failure(_ dimensions: [Int], body: @escaping FakeEngine.Body = Self.body) async throws -> String? {
            try await serving(FakeEngine(signature: signature, body: body)) {
                Self.padded(&$0)
                $0.outputs = [PaddingPlanTests.output("tokens", dimensions), PaddingPlanTests.output("sum", nil)]
            } body: { version in
                if case .failed(let error) = version.state { error.message } else { nil }
            }
        }

        #expect(try await failure([1]) == nil)
        #expect(
            try await failure([])
                == "output \"tokens\": it has shape [1, 4] for inputs of length 4 and [1, 8] for 8: dimension 1 follows "
                + "the padded inputs, but isn't among \"padded_dimensions\"")
        let halved = try await failure([1]) { inputs throws(ServingError) in
            let outputs = try Self.body(inputs)
            return [outputs[0].cutting([1], to: outputs[0].shape.dimensions[1] / 2), outputs[1]]
        }
        #expect(
            halved == "output \"tokens\": padded_dimensions: it has shape [1, 2] for inputs of length 4: "
                + "expected that length in dimension 1")
    }

    @Test("an output that can't be cut back is an error, not somebody's answer")
    func cannotCut() async throws {
        let engine = FakeEngine(signature: Self.signature) { inputs throws(ServingError) in
            let outputs = try Self.body(inputs)
            // Only of some values, so that warming up shows nothing.
            let isOdd = inputs[0]?.values(as: Int64.self)?.contains(99) == true
            return isOdd ? [outputs[0].cutting([1], to: 1), outputs[1]] : outputs
        }
        try await serving(engine) {
            Self.padded(&$0)
            $0.batching.preferredRows = []
            $0.batching.maxDelay = .zero
        } body: { version in
            let error = await #expect(throws: ServingError.self) { try await version.answer(request(99, 1)) }

            #expect(error?.code == .engineFailed)
            #expect(
                error?.message == "output \"tokens\" can't be cut to a request's own length: it has shape [1, 1] for "
                    + "inputs of length 2: expected that length in dimension 1")
        }
    }
}
