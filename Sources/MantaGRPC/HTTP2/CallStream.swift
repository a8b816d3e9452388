import DequeModule
import MantaHTTP
import MantaTime

/// One HTTP/2 stream, which carries one call: what has come of it, and what is to be sent. Its event loop's.
final class CallStream {
    let number: Int32
    /// When its headers began.
    let began = Instant.now

    // What the client sent.

    var path = ""
    var httpMethod = ""
    var metadata = CallMetadata()
    /// How many bytes its header fields and trailers have, with HTTP/2's own for each (RFC 9113, section 6.5.2).
    var headerBytes = 0
    var assembler: MessageAssembler
    /// Once its headers are there and it wasn't refused.
    var accepted: Accepted?
    /// The one message of a unary call.
    var message: ReceivedMessage?
    /// Where the messages of others go.
    var incoming: Incoming?
    /// Whether the message of a unary call is being worked on.
    var isDispatched = false
    /// Since when a message is on its way, if one is; or since when its rest may come.
    var waitingSince: Instant?
    /// Whether it can't be gone on with: what else comes is nobody's.
    var isRefused = false

    // What it is sent.

    /// Messages that wait, and how much of the first has been sent.
    var outgoing: Deque<(frame: MessageFrame, written: CheckedContinuation<Bool, Never>?)> = []
    var offset = 0
    /// When the client last let us send a part of one.
    var takenAt = Instant.now
    /// How the call ends when those are sent.
    var end: Outgoing.End?
    /// Whether the headers of the reply are on their way.
    var hasBegunReply = false
    /// Whether the reply waits for a message.
    var isStarved = false

    /// A call that is taken.
    struct Accepted {
        let call: Call
        /// Where the task that answers leaves what is to be sent.
        let port: StreamPort
        let answer: Methods.Answer
    }

    /// The messages of a call that takes any number of them.
    struct Incoming {
        let messages: AsyncThrowingStream<ReceivedMessage, any Error>.Continuation
        /// What waits to be taken, in bytes.
        var waiting = 0
        /// What came and the client doesn't know to be taken, in bytes.
        var unannounced = 0
    }

    init(number: Int32, messageBytes: Int) {
        self.number = number
        assembler = MessageAssembler(limit: messageBytes)
    }

    /// It is closed: nothing more comes or goes.
    func closed() {
        incoming?.messages.finish(throwing: CancellationError())
        for (_, written) in outgoing { written?.resume(returning: false) }
        outgoing = []
        if end == nil { accepted?.call.cancel() }
    }
}
