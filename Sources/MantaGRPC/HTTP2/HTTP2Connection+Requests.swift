import CNGHTTP2
import MantaConfig
import MantaCore
import MantaHTTP
import MantaTime

/// What comes: headers, messages, and the end of both.
extension HTTP2Connection {
    /// Headers of a stream begin: its first, or its trailers.
    func began(_ number: Int32) {
        guard streams[number] == nil else { return }
        streams[number] = CallStream(number: number, messageBytes: limits.messageBytes)
    }

    /// A header field of a stream.
    ///
    /// - Returns: Whether there may be more: a byte of HTTP/2 may stand for a field of thousands.
    func received(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, on stream: CallStream
    ) -> Bool {
        stream.headerBytes += name.count + value.count + 32
        // A little too much gets an answer that says so.
        guard stream.headerBytes <= SessionSettings.headerBytes else {
            return stream.headerBytes <= 4 * SessionSettings.headerBytes
        }
        // Trailers say nothing that we want to know.
        guard stream.accepted == nil, stream.end == nil else { return true }
        let name = unsafe String(decoding: name, as: UTF8.self)
        switch name {
        case ":path": stream.path = unsafe String(decoding: value, as: UTF8.self)
        case ":method": stream.httpMethod = unsafe String(decoding: value, as: UTF8.self)
        case ":scheme", ":authority", "te", "user-agent", "accept-encoding", "grpc-accept-encoding": break
        default: stream.metadata.add(name, unsafe String(decoding: value, as: UTF8.self))
        }
        return true
    }

    /// A stream's headers are there.
    func headersEnded(_ stream: CallStream, isLast: Bool) {
        guard stream.accepted == nil, stream.end == nil else {
            if isLast { requestEnded(stream) }
            return
        }
        do throws(GRPCError) {
            if try accept(stream), isLast { requestEnded(stream) }
        } catch {
            refuse(stream, error)
        }
    }

    /// Takes a call. Returns whether it is one.
    private func accept(_ stream: CallStream) throws(GRPCError) -> Bool {
        guard stream.headerBytes <= SessionSettings.headerBytes else {
            throw GRPCError(
                .resourceExhausted, "the metadata has more than \(SessionSettings.headerBytes) bytes")
        }
        // Who doesn't speak gRPC gets an answer of HTTP's.
        guard stream.httpMethod == "POST" else {
            refuse(stream, status: "405")
            return false
        }
        guard Self.isGRPC(stream.metadata["content-type"]) else {
            refuse(stream, status: "415")
            return false
        }
        guard let method = core.methods[stream.path] else {
            throw GRPCError(.unimplemented, "there is no method \(ServingError.shortened(stream.path))")
        }
        let coding = try coding(of: stream.metadata)
        let call = try core.accept(method, stream.metadata, client: client)
        if isDraining { call.drain() }
        let port = StreamPort(id: StreamID(connection: id, number: stream.number), mailbox: mailbox, coding: coding)
        stream.accepted = CallStream.Accepted(call: call, port: port, answer: method.answer)
        switch method.answer {
        case .unary: break
        case .streaming(let answer):
            let (messages, continuation) = AsyncThrowingStream<ReceivedMessage, any Error>.makeStream()
            stream.incoming = CallStream.Incoming(messages: continuation)
            // Clients may wait for its headers before they send anything.
            beginReply(of: stream)
            core.answer(call, IncomingStream(messages: messages, port: port, messageBytes: limits.messageBytes), answer)
        }
        return true
    }

    /// Whether a content type is gRPC's, whatever its messages are written in.
    private static func isGRPC(_ contentType: String?) -> Bool {
        guard let contentType, contentType.hasPrefix("application/grpc") else { return false }
        let rest = contentType.utf8.dropFirst("application/grpc".utf8.count).first
        return rest == nil || rest == UInt8(ascii: "+") || rest == UInt8(ascii: ";")
    }

    private func coding(of metadata: CallMetadata) throws(GRPCError) -> ContentCoding? {
        guard let name = metadata["grpc-encoding"], name != "identity" else { return nil }
        if let coding = ContentCoding(rawValue: name) { return coding }
        var error = GRPCError(
            .unimplemented, "grpc-encoding: expected gzip, deflate or identity, found \(ServingError.shortened(name))")
        error.trailers.add("grpc-accept-encoding", "identity,deflate,gzip")
        throw error
    }

    /// A part of a stream's messages.
    func received(_ piece: UnsafeRawBufferPointer, on stream: CallStream) {
        unsafe nghttp2_session_consume_connection(session, piece.count)
        guard !stream.isRefused, stream.end == nil, stream.accepted != nil else { return }
        do throws(GRPCError) {
            if stream.incoming != nil {
                try unsafe stream.assembler.append(piece) { message in
                    stream.incoming?.waiting += message.heldBytes
                    stream.incoming?.messages.yield(message)
                }
                stream.incoming?.unannounced += piece.count
                announce(stream)
            } else {
                var isTooMany = unsafe stream.message != nil && !piece.isEmpty
                if !isTooMany {
                    try unsafe stream.assembler.append(piece) { message in
                        isTooMany = stream.message != nil
                        stream.message = message
                    }
                }
                guard !isTooMany else { throw GRPCError(.invalidArgument, "the call has more than one message") }
                unsafe nghttp2_session_consume_stream(session, stream.number, piece.count)
            }
            stream.waitingSince = stream.assembler.isWithinMessage ? stream.waitingSince ?? .now : nil
        } catch {
            refuse(stream, error)
        }
    }

    /// Messages of a stream were taken.
    func consumed(_ byteCount: Int, of stream: CallStream) {
        stream.incoming?.waiting -= byteCount
        // As long as too much waited, the client couldn't send the rest of what it has begun.
        if stream.waitingSince != nil { stream.waitingSince = .now }
        announce(stream)
    }

    /// Lets the client send more, unless too much waits.
    private func announce(_ stream: CallStream) {
        guard let incoming = stream.incoming, incoming.waiting <= Self.waitingBytes, incoming.unannounced > 0 else {
            return
        }
        unsafe nghttp2_session_consume_stream(session, stream.number, incoming.unannounced)
        stream.incoming?.unannounced = 0
    }

    /// Nothing more comes.
    func requestEnded(_ stream: CallStream) {
        guard !stream.isRefused, stream.end == nil, let accepted = stream.accepted else { return }
        guard !stream.assembler.isWithinMessage else {
            return refuse(stream, GRPCError(.invalidArgument, "the call ends within a message"))
        }
        switch accepted.answer {
        case .streaming: stream.incoming?.messages.finish()
        case .unary(let answer):
            guard let message = stream.message.take() else {
                return refuse(stream, GRPCError(.invalidArgument, "the call has no message"))
            }
            stream.isDispatched = true
            core.answer(accepted.call, message, at: accepted.port, answer)
        }
    }

    /// Ends a call whose request can't be gone on with.
    func refuse(_ stream: CallStream, _ error: GRPCError) {
        stream.isRefused = true
        if let accepted = stream.accepted {
            core.end(accepted.call, with: error, at: accepted.port)
        } else {
            send(Outgoing(end: .failed(error)), on: stream)
        }
        stream.incoming?.messages.finish(throwing: error)
    }

    /// A stream is closed.
    func ended(_ number: Int32) {
        guard let stream = streams.removeValue(forKey: number) else { return }
        idleSince = .now
        leave(stream)
    }

    /// A stream's client has gone, or has its reply.
    func leave(_ stream: CallStream) {
        if let accepted = stream.accepted, case .unary = accepted.answer, !stream.isDispatched {
            // Nobody works on it, who would tell its end.
            core.end(accepted.call, with: CancellationError(), at: accepted.port)
        }
        stream.closed()
    }

    /// What may wait to be taken of a stream while the client may send more, in bytes.
    private static let waitingBytes = 256 << 10
}
