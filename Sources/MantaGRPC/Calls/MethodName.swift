/// What a method is called.
struct MethodName: Sendable, Hashable {
    /// The service with its package, such as `grpc.health.v1.Health`.
    let service: String
    let method: String

    /// The inference protocol's service.
    static let inferenceService = "inference.GRPCInferenceService"

    /// A method of the inference protocol.
    static func inference(_ method: String) -> MethodName { MethodName(service: inferenceService, method: method) }

    /// As logs and people have it: `SERVICE/METHOD`.
    var full: String { "\(service)/\(method)" }

    /// The path of its calls.
    var path: String { "/\(full)" }
}
