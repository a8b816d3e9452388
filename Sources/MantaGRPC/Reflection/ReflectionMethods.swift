import GRPCCore
import MantaWire

/// Server reflection, by which tools such as grpcurl learn what there is to call. Under its old name too, which many ask
/// first: the messages are the same.
struct ReflectionMethods: Sendable {
    private let schema = Schema()

    func add(to methods: inout Methods) {
        let method = Grpc_Reflection_V1_ServerReflection.Method.ServerReflectionInfo.descriptor
        let old = MethodDescriptor(
            service: ServiceDescriptor(fullyQualifiedService: "grpc.reflection.v1alpha.ServerReflection"),
            method: method.method, type: .bidirectionalStreaming)
        for name in [method, old] {
            methods.streaming(name) {
                (requests: RPCAsyncSequence<Grpc_Reflection_V1_ServerReflectionRequest, any Error>, writer, call) in
                call.setIdle(true)
                for try await request in requests { try await writer.write(schema.answer(request)) }
            }
        }
    }
}
