import SwiftProtobuf

/// The methods that a listener serves, each with what answers it.
///
/// ```swift
/// methods.unary(.inference("ServerLive"), access: .open) { (_: Inference_ServerLiveRequest, _) in .with { $0.live = true } }
/// ```
struct Methods: Sendable {
    /// What answers the calls of a method.
    enum Answer: Sendable {
        /// Gets the one message, and gives one.
        case unary(@Sendable ([UInt8], Call) async throws -> MessageFrame)
        /// Gets messages as they come, and sends them.
        case streaming(@Sendable (IncomingStream, Call) async throws -> Void)
    }

    /// A method.
    struct Method: Sendable {
        let name: MethodName
        let access: Access
        let answer: Answer
    }

    /// Who may call a method.
    enum Access: Sendable {
        /// Everybody: probes.
        case open
        /// Whoever has a token, if the listener wants one.
        case protected
    }

    private var methods: [String: Method] = [:]

    /// The method at a path.
    subscript(path: String) -> Method? { methods[path] }

    /// Adds a method with one request and one reply.
    mutating func unary<Request: Message, Reply: Message>(
        _ name: MethodName, access: Access = .protected,
        _ answer: @escaping @Sendable (Request, Call) async throws -> Reply
    ) {
        unary(name, access: access, decode: Request.init(received:), encode: MessageFrame.init, answer)
    }

    /// Adds a method with one request and one reply, whose messages are read and written in a way of their own.
    mutating func unary<Request: Sendable, Reply: Sendable>(
        _ name: MethodName, access: Access = .protected, decode: @escaping @Sendable ([UInt8]) throws -> Request,
        encode: @escaping @Sendable (Reply) throws -> MessageFrame,
        _ answer: @escaping @Sendable (Request, Call) async throws -> Reply
    ) {
        add(name, access, .unary { message, call in try encode(try await answer(try decode(message), call)) })
    }

    /// Adds a method that takes any number of requests and gives any number of replies.
    mutating func streaming<Request: Message, Reply: Message>(
        _ name: MethodName, access: Access = .protected,
        _ answer: @escaping @Sendable (RequestReader<Request>, ReplyWriter<Reply>, Call) async throws -> Void
    ) {
        streaming(name, access: access, decode: Request.init(received:), encode: MessageFrame.init, answer)
    }

    /// Adds a method that takes any number of requests and gives any number of replies, whose messages are read and
    /// written in a way of their own.
    mutating func streaming<Request: Sendable, Reply: Sendable>(
        _ name: MethodName, access: Access = .protected, decode: @escaping @Sendable ([UInt8]) throws -> Request,
        encode: @escaping @Sendable (Reply) throws -> MessageFrame,
        _ answer: @escaping @Sendable (RequestReader<Request>, ReplyWriter<Reply>, Call) async throws -> Void
    ) {
        add(
            name, access,
            .streaming { stream, call in
                let reader = RequestReader(messages: stream.messages, port: stream.port) { message in
                    try decode(try message.inflated(stream.port.coding, limit: stream.messageBytes))
                }
                try await answer(reader, ReplyWriter(port: stream.port, encode: encode), call)
            })
    }

    private mutating func add(_ name: MethodName, _ access: Access, _ answer: Answer) {
        methods[name.path] = Method(name: name, access: access, answer: answer)
    }
}

/// The client's side of a call with any number of messages.
struct IncomingStream: Sendable {
    let messages: AsyncThrowingStream<ReceivedMessage, any Error>
    let port: StreamPort
    /// How large a message may be, inflated.
    let messageBytes: Int
}

extension Message {
    /// Reads a request.
    ///
    /// - Throws: ``GRPCError`` if it isn't this message.
    fileprivate init(received bytes: [UInt8]) throws {
        do {
            try self.init(serializedBytes: bytes)
        } catch {
            throw GRPCError(.invalidArgument, "the message isn't a \(Self.protoMessageName)")
        }
    }
}
