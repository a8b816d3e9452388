import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf
import SwiftProtobuf

/// The methods that a listener serves, each with what answers it.
///
/// ```swift
/// methods.unary(ServerLive.descriptor, access: .open) { (_: Inference_ServerLiveRequest, _) in .with { $0.live = true } }
/// ```
struct Methods: Sendable {
    /// The transport, for its type.
    typealias Transport = HTTP2ServerTransport.Custom<ConnectionFactory>

    /// What finds the method of a call.
    private(set) var router = RPCRouter<Transport>()
    /// What all calls go through.
    let core: CallCore

    /// No methods.
    init(core: CallCore) {
        self.core = core
    }

    /// Adds a method with one request and one reply.
    mutating func unary<Request: Message, Reply: Message>(
        _ method: MethodDescriptor, access: CallCore.Access = .protected,
        _ answer: @escaping @Sendable (Request, Call) async throws -> Reply
    ) {
        unary(
            method, access: access, deserializer: ProtobufDeserializer<Request>(),
            serializer: ProtobufSerializer<Reply>(), answer)
    }

    /// Adds a method with one request and one reply, whose messages are read and written in a way of their own.
    mutating func unary<Request: Sendable, Reply: Sendable>(
        _ method: MethodDescriptor, access: CallCore.Access = .protected,
        deserializer: some MessageDeserializer<Request>, serializer: some MessageSerializer<Reply>,
        _ answer: @escaping @Sendable (Request, Call) async throws -> Reply
    ) {
        router.registerHandler(forMethod: method, deserializer: deserializer, serializer: serializer) {
            [core] request, context in
            do throws(RPCError) {
                let call = try core.accept(context, request.metadata, access: access)
                let reply = try await core.answer(call) {
                    try await answer(try await Self.message(of: request), call)
                }
                return StreamingServerResponse(
                    single: ServerResponse(message: reply, metadata: ["x-request-id": .string(call.id)]))
            } catch {
                return StreamingServerResponse(error: error)
            }
        }
    }

    /// Adds a method that takes any number of requests and gives any number of replies.
    mutating func streaming<Request: Message, Reply: Message>(
        _ method: MethodDescriptor, access: CallCore.Access = .protected,
        _ answer:
            @escaping @Sendable (RPCAsyncSequence<Request, any Error>, RPCWriter<Reply>, Call) async throws -> Void
    ) {
        streaming(
            method, access: access, deserializer: ProtobufDeserializer<Request>(),
            serializer: ProtobufSerializer<Reply>(), answer)
    }

    /// Adds a method that takes any number of requests and gives any number of replies, whose messages are read and
    /// written in a way of their own.
    mutating func streaming<Request: Sendable, Reply: Sendable>(
        _ method: MethodDescriptor, access: CallCore.Access = .protected,
        deserializer: some MessageDeserializer<Request>, serializer: some MessageSerializer<Reply>,
        _ answer:
            @escaping @Sendable (RPCAsyncSequence<Request, any Error>, RPCWriter<Reply>, Call) async throws -> Void
    ) {
        router.registerHandler(forMethod: method, deserializer: deserializer, serializer: serializer) {
            [core] request, context in
            do throws(RPCError) {
                let call = try core.accept(context, request.metadata, access: access)
                return StreamingServerResponse(metadata: ["x-request-id": .string(call.id)]) { writer in
                    try await core.answer(call) { try await answer(request.messages, writer, call) }
                    return [:]
                }
            } catch {
                return StreamingServerResponse(error: error)
            }
        }
    }

    /// The one message of a call.
    private static func message<Request: Sendable>(
        of request: StreamingServerRequest<Request>
    ) async throws -> Request {
        var messages = request.messages.makeAsyncIterator()
        guard let message = try await messages.next() else {
            throw RPCError(code: .invalidArgument, message: "the call has no message")
        }
        guard try await messages.next() == nil else {
            throw RPCError(code: .invalidArgument, message: "the call has more than one message")
        }
        return message
    }
}
