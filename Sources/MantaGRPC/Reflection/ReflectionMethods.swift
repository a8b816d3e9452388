import MantaWire

/// Server reflection, by which tools such as grpcurl learn what there is to call. Under its old name too, which many ask
/// first: the messages are the same.
struct ReflectionMethods: Sendable {
    /// Made for the first who asks: it takes a few milliseconds, which a start shouldn't.
    private static let schema = Schema()

    func add(to methods: inout Methods) {
        for version in ["v1", "v1alpha"] {
            let service = "grpc.reflection.\(version).ServerReflection"
            methods.streaming(MethodName(service: service, method: "ServerReflectionInfo")) {
                (requests: RequestReader<Grpc_Reflection_V1_ServerReflectionRequest>, writer, call) in
                call.setIdle(true)
                for try await request in requests { try await writer.write(Self.schema.answer(request)) }
            }
        }
    }
}
