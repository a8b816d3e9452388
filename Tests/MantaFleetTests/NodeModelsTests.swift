import Logging
import MantaCore
import MantaServing
import MantaTestKit
import MantaTime
import Synchronization
import Testing

@testable import MantaFleet

@Suite("The models of a node", .timeLimit(.minutes(1)))
struct NodeModelsTests {
    private static let group = "m x@1-0123456789ab"
    private static let path = "/v2/models/m%20x@1-0123456789ab/versions/1"
    private static let own = RemoteAddress("http://here:8000" + path)!
    private static let other = RemoteAddress("http://there:8000" + path)!

    @Test("a batch for the node's own address is run by its own replica; any other goes to where it is")
    func run() async throws {
        try await Self.hosting(FakeEngine { inputs in inputs.compactMap(\.self) }) { models, others in
            #expect(models.isHere(Self.own) && !models.isHere(Self.other))
            let values: [Float]? = try await models.run(.columns(3), at: Self.own)[0].values()
            #expect(values == [3, 3])
            #expect(others.asked.isEmpty)
            _ = try? await models.run(.columns(3), at: Self.other)
            _ = try? await models.describe(Self.other, within: .seconds(1))
            try? await models.look(at: Self.other, within: .seconds(1))
            #expect(others.asked == ["run", "describe", "look"])
            try await models.look(at: Self.own, within: .seconds(1))
        }
    }

    @Test("it says of its own replica what it would say over HTTP")
    func describe() async throws {
        var signature = ModelSignature.twoColumns
        signature.inputs[0].symbols = ["rows", nil]
        signature.outputs[0].labels = ["no", "yes"]
        try await Self.hosting(FakeEngine(signature: signature) { inputs in inputs.compactMap(\.self) }) { models, _ in
            let description = try await models.describe(Self.own, within: .seconds(1))
            #expect(description.signature == .twoColumns)
            #expect(description.replicas == 2 && description.maxRows == 4)
        }
    }

    @Test("a group that isn't here refuses, so that another node runs the batch; one whose time is over says so")
    func failures() async throws {
        let engine = FakeEngine { (inputs: [Tensor?]) throws(ServingError) in
            guard (inputs[0]?.values() ?? [])?.contains(Float(13)) != true else {
                throw ServingError(.engineFailed, "thirteen")
            }
            return inputs.compactMap(\.self)
        }
        try await Self.hosting(engine) { models, _ in
            let gone = RemoteAddress("http://here:8000/v2/models/m@2-0123456789ab/versions/1")!
            let missing = await Self.failure(of: models, .columns(1), at: gone)
            #expect(missing?.kind == .refused)
            let failed = await Self.failure(of: models, .columns(13), at: Self.own)
            #expect(failed?.kind == .answered(.engineFailed))
            #expect(failed?.message.hasPrefix("http://here:8000") == true)
            var late = RemoteBatch.columns(1)
            late.timeout = .zero
            let over = await Self.failure(of: models, late, at: Self.own)
            #expect(over?.kind == .answered(.deadlineExceeded))
        }
    }

    /// Why a batch isn't run.
    private static func failure(
        of models: NodeModels, _ batch: RemoteBatch, at address: RemoteAddress
    ) async -> RemoteFailure? {
        do throws(RemoteFailure) {
            _ = try await models.run(batch, at: address)
            return nil
        } catch {
            return error
        }
    }

    /// A node that hosts two replicas of the group, for as long as a test's body takes.
    private static func hosting(
        _ engine: FakeEngine, _ body: (NodeModels, RecordingModels) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let catalog = ModelCatalog(environment: .init(engine: engine, logger: logger))
        var configuration = DeploymentConfiguration(name: group)
        configuration.batching.maxRows = 4
        catalog.apply([
            WantedDeployment(
                configuration: configuration, versions: [VersionSpec(number: 1, path: "", hash: "")], scale: .pinned(2))
        ])
        let others = RecordingModels()
        let models = NodeModels(hosted: catalog, others: others)
        #expect(!models.isHere(own))
        models.listens(at: "http://here:8000")
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await catalog.run() }
            defer { catalog.stop() }
            _ = try await catalog.deployment(group).settled(within: .seconds(30))
            try await body(models, others)
        }
    }
}

/// Other nodes, none of which is there.
private final class RecordingModels: RemoteModels {
    private let calls = Mutex<[String]>([])

    var asked: [String] { calls.withLock { $0 } }

    func describe(_ address: RemoteAddress, within limit: Duration) async throws(RemoteFailure) -> RemoteDescription {
        throw absence("describe", address)
    }

    func run(_ batch: RemoteBatch, at address: RemoteAddress) async throws(RemoteFailure) -> [Tensor] {
        throw absence("run", address)
    }

    func look(at address: RemoteAddress, within limit: Duration) async throws(RemoteFailure) {
        throw absence("look", address)
    }

    private func absence(_ call: String, _ address: RemoteAddress) -> RemoteFailure {
        calls.withLock { $0.append(call) }
        return RemoteFailure(.unreachable, "\(address): nobody there")
    }
}

extension RemoteBatch {
    /// One row with this value in both columns.
    fileprivate static func columns(_ value: Float) -> RemoteBatch {
        RemoteBatch(
            signature: .twoColumns, inputs: [Tensor(shape: [1, 2], [value, value])], outputs: [0], timeout: .seconds(10)
        )
    }
}
