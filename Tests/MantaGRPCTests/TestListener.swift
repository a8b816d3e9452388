import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf
import Logging
import MantaConfig
import MantaCore
import MantaGRPC
import MantaGateway
import MantaHTTP
import MantaGatewayTestKit
import MantaServing
import MantaSharedMemory
import MantaTestKit
import MantaWire
import ServiceLifecycle
import SwiftProtobuf
import Synchronization

/// What a listener in a test is, apart from its model.
struct TestSetting: Sendable {
    var listener = GRPCServerConfiguration()
    var deployment = DeploymentConfiguration(name: "m")
    var memory: SharedMemory?
    var allowsModelControl = false
    /// What has the model loaded, in place of the engine, and where.
    var remote: (models: any RemoteModels, address: RemoteAddress)?

    init() {
        listener.endpoint = Endpoint("127.0.0.1:0")
        listener.accessLog = false
        deployment.replicas = 1
    }
}

/// A listener that runs for as long as a test's body does, over a fake engine's model `m` in version 3, by default
/// `x: [-1, 2]` to `y: [-1, 2]`, and a model `vacant` without a version.
struct TestListener: Sendable {
    let port: Int
    let catalog: ModelCatalog
    let listener: GRPCListener
    /// Stops the listener as the server does.
    let stop: @Sendable () async -> Void

    @discardableResult
    static func serving<Result: Sendable>(
        _ engine: FakeEngine = identity, _ configure: (inout TestSetting) -> Void = { _ in },
        body: @escaping @Sendable (TestListener) async throws -> Result
    ) async throws -> Result {
        var setting = TestSetting()
        configure(&setting)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let catalog = ModelCatalog(environment: .init(engine: engine, remotes: setting.remote?.models, logger: logger))
        var vacant = WantedDeployment(configuration: .init(name: "vacant"), versions: [], scale: .pinned(1))
        vacant.fault = "it has no version"
        let version = VersionSpec(number: 3, path: "", hash: "")
        var wanted = WantedDeployment(configuration: setting.deployment, versions: [version], scale: .pinned(1))
        if let remote = setting.remote {
            let version = VersionSpec.remote(number: 3)
            (wanted.versions, wanted.places) = ([version], [version: .init([remote.address])])
        }
        catalog.apply([wanted, vacant])
        let plane = try await DataPlane.test(
            over: catalog, memory: setting.memory, allowsModelControl: setting.allowsModelControl)
        let listener = GRPCListener(configuration: setting.listener, plane: plane, logger: logger)
        let port = try listener.start()?.port ?? 0
        let services = ServiceGroup(configuration: .init(services: [listener], logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await catalog.run() }
            group.addTask { try await services.run() }
            _ = try await catalog.deployment("m").settled(within: .seconds(30))
            let outcome: Swift.Result<Result, any Error>
            do {
                outcome = .success(
                    try await body(
                        TestListener(port: port, catalog: catalog, listener: listener) {
                            await services.triggerGracefulShutdown()
                        }))
            } catch {
                outcome = .failure(error)
            }
            await services.triggerGracefulShutdown()
            catalog.stop()
            try await group.waitForAll()
            return try outcome.get()
        }
    }

    /// Calls `body` with a client of its own connection.
    func withClient<Result: Sendable>(
        _ configure: (inout HTTP2ClientTransport.Posix.Config) -> Void = { _ in },
        security: HTTP2ClientTransport.Posix.TransportSecurity = .plaintext,
        body: (TestClient) async throws -> Result
    ) async throws -> Result {
        var config = HTTP2ClientTransport.Posix.Config.defaults
        configure(&config)
        let transport = try HTTP2ClientTransport.Posix(
            target: .ipv4(address: "127.0.0.1", port: port), transportSecurity: security, config: config)
        return try await withGRPCClient(transport: transport) { try await body(TestClient(grpc: $0)) }
    }
}

/// Gives its inputs back.
let identity = FakeEngine { inputs in inputs.compactMap(\.self) }

/// A client that calls methods by their descriptors.
struct TestClient: Sendable {
    let grpc: GRPCClient<HTTP2ClientTransport.Posix>

    /// One request, one reply.
    func call<Request: Message, Reply: Message>(
        _ method: MethodDescriptor, _ request: Request, returning _: Reply.Type = Reply.self, metadata: Metadata = [:],
        options: CallOptions = .defaults
    ) async throws -> Reply {
        try await grpc.unary(
            request: ClientRequest(message: request, metadata: metadata), descriptor: method,
            serializer: ProtobufSerializer<Request>(), deserializer: ProtobufDeserializer<Reply>(), options: options
        ) { try $0.message }
    }

    /// The error that a call ends with.
    func error<Request: Message, Reply: Message>(
        of method: MethodDescriptor, _ request: Request, returning _: Reply.Type, metadata: Metadata = [:],
        options: CallOptions = .defaults
    ) async -> RPCError? {
        do {
            _ = try await call(method, request, returning: Reply.self, metadata: metadata, options: options)
            return nil
        } catch {
            return error as? RPCError
        }
    }

    /// Runs one inference.
    func infer(
        _ request: Inference_ModelInferRequest, metadata: Metadata = [:], options: CallOptions = .defaults
    ) async throws -> Inference_ModelInferResponse {
        try await call(
            .inference("ModelInfer"), request, metadata: metadata, options: options)
    }

    /// The error that an inference ends with.
    func inferenceError(
        _ request: Inference_ModelInferRequest, metadata: Metadata = [:], options: CallOptions = .defaults
    ) async -> RPCError? {
        await error(
            of: .inference("ModelInfer"), request,
            returning: Inference_ModelInferResponse.self, metadata: metadata, options: options)
    }

    /// A stream of inferences: `send` writes requests, `receive` reads replies.
    func stream<Result: Sendable>(
        metadata: Metadata = [:],
        send: @escaping @Sendable (RPCWriter<Inference_ModelInferRequest>) async throws -> Void,
        receive:
            @escaping @Sendable (RPCAsyncSequence<Inference_ModelStreamInferResponse, any Error>) async throws -> Result
    ) async throws -> Result {
        try await grpc.bidirectionalStreaming(
            request: StreamingClientRequest(metadata: metadata, producer: send),
            descriptor: .inference("ModelStreamInfer", .bidirectionalStreaming),
            serializer: ProtobufSerializer<Inference_ModelInferRequest>(),
            deserializer: ProtobufDeserializer<Inference_ModelStreamInferResponse>(), options: .defaults
        ) { try await receive($0.messages) }
    }
}

extension Inference_ModelInferRequest {
    /// A request of these rows of two for the model `m`, raw.
    static func rows(_ values: [Float], id: String = "") -> Self {
        .with {
            $0.modelName = "m"
            $0.id = id
            $0.inputs = [
                .with {
                    ($0.name, $0.datatype, $0.shape) = ("x", "FP32", [Int64(values.count / 2), 2])
                }
            ]
            $0.rawInputContents = [values.bytes]
        }
    }
}

extension [Float] {
    /// In memory.
    var bytes: Foundation.Data { unsafe withUnsafeBytes { unsafe Foundation.Data($0) } }
}

extension Foundation.Data {
    /// As FP32.
    var floats: [Float] {
        stride(from: 0, to: count, by: 4).map { start in
            let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(self[self.startIndex + start + $1]) << (8 * $1) }
            return Float(bitPattern: bits)
        }
    }
}

extension TestListener {
    /// Requests that wait for a replica of `m`.
    var waiting: Int {
        guard let deployment = try? catalog.deployment("m") else { return 0 }
        return deployment.snapshot.instances.values.reduce(0) { $0 + $1.queueDepth }
    }
}

/// The first value of each run so far.
final class Runs: Sendable {
    private let values = Mutex<[Float]>([])

    /// Those above 2, which no warm-up has.
    var first: [Float] { values.withLock { $0.filter { $0 > 2 } } }

    func add(_ value: Float) { values.withLock { $0.append(value) } }
}

extension FakeEngine {
    /// Gives its inputs back; those that begin with 42 not before the gate is open.
    static func holding(_ gate: Gate, _ runs: Runs = Runs()) -> FakeEngine {
        FakeEngine { inputs in
            let value = inputs.first??.values(as: Float.self)?.first ?? 0
            runs.add(value)
            if value == 42 { gate.wait() }
            return inputs.compactMap(\.self)
        }
    }
}

extension MethodDescriptor {
    /// A method of the inference protocol.
    static func inference(_ method: String, _ type: RPCType = .unary) -> MethodDescriptor {
        of("inference.GRPCInferenceService", method, type)
    }

    /// A method of gRPC's health checking protocol.
    static func health(_ method: String, _ type: RPCType) -> MethodDescriptor {
        of("grpc.health.v1.Health", method, type)
    }

    private static func of(_ service: String, _ method: String, _ type: RPCType) -> MethodDescriptor {
        MethodDescriptor(service: ServiceDescriptor(fullyQualifiedService: service), method: method, type: type)
    }
}
