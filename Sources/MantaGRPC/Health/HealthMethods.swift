import MantaCore
import MantaServing
import MantaWire
import SwiftProtobuf

/// gRPC's health checking protocol, which load balancers and probes speak.
struct HealthMethods: Sendable {
    private typealias Status = Grpc_Health_V1_HealthCheckResponse.ServingStatus

    let catalog: ModelCatalog

    func add(to methods: inout Methods) {
        methods.unary(Self.method("Check"), access: .open) { (request: Grpc_Health_V1_HealthCheckRequest, _) in
            guard let status = status(of: request.service) else {
                throw GRPCError(.notFound, "service \"\(ServingError.shortened(request.service))\" is not found")
            }
            return Grpc_Health_V1_HealthCheckResponse.with { $0.status = status }
        }
        methods.streaming(Self.method("Watch"), access: .open) {
            (requests: RequestReader<Grpc_Health_V1_HealthCheckRequest>, writer, call) in
            try await watch(requests, writer, call)
        }
    }

    /// Tells the status at once and at each change, until the client has gone or the server stops.
    private func watch(
        _ requests: RequestReader<Grpc_Health_V1_HealthCheckRequest>,
        _ writer: ReplyWriter<Grpc_Health_V1_HealthCheckResponse>, _ call: Call
    ) async throws {
        guard let request = try await requests.first(where: { _ in true }) else {
            throw GRPCError(.invalidArgument, "the call has no message")
        }
        var told: Status?
        while true {
            let isLast = call.isDraining
            let status = status(of: request.service) ?? .serviceUnknown
            if status != told { try await writer.write(.with { $0.status = status }) }
            told = status
            if isLast { throw ServingError(.shuttingDown, "the server is stopping") }
            try await Task.sleep(for: Self.interval)
        }
    }

    /// The status of the server as a whole, of the protocol's service, which is the same, or of a model by its name;
    /// `nil` if there is nothing of that name.
    private func status(of service: String) -> Status? {
        if service.isEmpty || service == MethodName.inferenceService {
            return catalog.unreadiness == nil ? .serving : .notServing
        }
        do throws(ServingError) {
            _ = try catalog.deployment(service).target(nil)
            return .serving
        } catch {
            return error.code == .notFound ? nil : .notServing
        }
    }

    private static func method(_ name: String) -> MethodName {
        MethodName(service: "grpc.health.v1.Health", method: name)
    }

    /// How long a change may stay untold.
    private static let interval = Duration.milliseconds(200)
}
