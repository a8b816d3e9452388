import MantaHTTP

/// Where the task that answers a call leaves what is to be sent.
struct StreamPort: Sendable {
    let id: StreamID
    let mailbox: Mailbox
    /// How the client compresses its messages, and so its replies: many say that they could read compressed ones without
    /// a wish for them.
    let coding: ContentCoding?

    /// Sends the reply of a call with one message.
    func reply(_ message: MessageFrame) { mailbox.post(.send(id, Outgoing(message: coded(message), end: .ok))) }

    /// Ends the call.
    func end(_ end: Outgoing.End) { mailbox.post(.send(id, Outgoing(end: end))) }

    /// Sends a message.
    ///
    /// - Returns: When it has left.
    /// - Throws: `CancellationError` if it can't, since the call has ended.
    func send(_ message: MessageFrame) async throws(CancellationError) {
        let hasLeft = await withCheckedContinuation { continuation in
            mailbox.post(.send(id, Outgoing(message: coded(message), written: continuation)))
        }
        guard hasLeft else { throw CancellationError() }
    }

    /// Says that a message that is counted as so many bytes was taken, so that the client may send others.
    func consumed(_ byteCount: Int) { mailbox.post(.consumed(id, byteCount)) }

    private func coded(_ message: MessageFrame) -> MessageFrame { coding.map(message.compressed) ?? message }
}

/// The replies of a call that has any number of them.
struct ReplyWriter<Reply: Sendable>: Sendable {
    let port: StreamPort
    let encode: @Sendable (Reply) throws -> MessageFrame

    /// Sends a reply.
    ///
    /// - Throws: `CancellationError` if the call has ended.
    func write(_ reply: Reply) async throws { try await port.send(try encode(reply)) }
}

/// The requests of a call that has any number of them, in their order. One task may read them, once.
///
/// Those that wait to be read are bounded: the client gets to send more as they are taken.
struct RequestReader<Request: Sendable>: AsyncSequence, Sendable {
    let messages: AsyncThrowingStream<ReceivedMessage, any Error>
    let port: StreamPort
    let decode: @Sendable (ReceivedMessage) throws -> Request

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var messages: AsyncThrowingStream<ReceivedMessage, any Error>.Iterator
        fileprivate let reader: RequestReader

        mutating func next(isolation actor: isolated (any Actor)?) async throws -> Request? {
            guard let message = try await messages.next(isolation: actor) else {
                // It ends like this too for a task that is cancelled.
                try Task.checkCancellation()
                return nil
            }
            reader.port.consumed(message.heldBytes)
            return try reader.decode(message)
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(messages: messages.makeAsyncIterator(), reader: self)
    }
}
