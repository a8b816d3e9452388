import CMantaHTTP
import MantaTime
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A stream of an event loop: it may be gone already when somebody speaks of it.
struct StreamID: Sendable, Hashable {
    /// The connection, by a number that is never used again.
    let connection: UInt64
    /// The stream's number on its connection.
    let number: Int32
}

/// What other threads tell an event loop.
enum Mail: Sendable {
    /// Something to send.
    case send(StreamID, Outgoing)
    /// A message that is counted as so many bytes was taken by the one who reads the stream.
    case consumed(StreamID, Int)
    /// Take no more connections, and end those that are there when their calls have ended; at the latest then.
    case drain(until: Instant)
}

/// A part of a stream's reply.
struct Outgoing: Sendable {
    /// A message.
    var message: MessageFrame?
    /// Told once that the message has left, or that it can't any more.
    var written: CheckedContinuation<Bool, Never>?
    /// The call's end, after the message.
    var end: End?

    /// How a call ends.
    enum End: Sendable {
        case ok
        case failed(GRPCError)
    }
}

/// Where others leave mail for an event loop, which they wake up if it sleeps.
final class Mailbox: Sendable {
    private struct State {
        var mail: [Mail] = []
        var isAsleep = false
        var isClosed = false
    }

    /// Becomes readable when the loop is to wake up.
    let wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    private let state = Mutex(State())

    init() {
        precondition(wakeUp >= 0, "no descriptor is left to wake up an event loop")
    }

    deinit { Glibc.close(wakeUp) }

    /// Leaves mail. After the loop's end it is dropped.
    func post(_ mail: Mail) {
        let (isClosed, wakes) = state.withLock { state in
            if state.isClosed { return (true, false) }
            state.mail.append(mail)
            defer { state.isAsleep = false }
            return (false, state.isAsleep)
        }
        if isClosed { return mail.drop() }
        guard wakes else { return }
        var one: UInt64 = 1
        _ = unsafe write(wakeUp, &one, 8)
    }

    /// Takes what is there, in exchange for an empty array whose memory is used again.
    func take(_ mail: inout [Mail]) { state.withLock { swap(&$0.mail, &mail) } }

    /// The loop is about to sleep.
    ///
    /// - Returns: Whether it may: there is no mail.
    func sleep() -> Bool {
        state.withLock { state in
            state.isAsleep = state.mail.isEmpty
            return state.isAsleep
        }
    }

    /// The loop is awake: nobody needs to wake it up.
    func wake() { state.withLock { $0.isAsleep = false } }

    /// The loop has ended.
    func close() {
        let rest = state.withLock { state in
            state.isClosed = true
            defer { state.mail = [] }
            return state.mail
        }
        for mail in rest { mail.drop() }
    }
}

extension Mail {
    /// Nobody takes it.
    fileprivate func drop() {
        if case .send(_, let outgoing) = self { outgoing.written?.resume(returning: false) }
    }
}
