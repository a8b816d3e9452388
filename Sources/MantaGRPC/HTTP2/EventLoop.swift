import CMantaHTTP
import MantaConfig
import MantaHTTP
import MantaTime

#if canImport(Glibc)
    import Glibc
#endif

/// A thread that accepts connections, reads calls and writes replies, for as long as its listener serves.
struct EventLoop: Sendable {
    /// Accepts connections; several loops may share it.
    let socket: Int32
    let core: CallCore
    let certificate: Reloadable<TLSCertificate>?
    /// The connections of all loops that share the socket.
    let connections: OpenConnections
    /// Where others leave mail for it.
    let mailbox = Mailbox()

    /// Serves on the calling thread, until it is drained.
    func run() {
        var state = EventLoopState(loop: self)
        state.run()
        mailbox.close()
    }
}

/// What an event loop knows while it runs.
private struct EventLoopState {
    private let loop: EventLoop
    private let settings = SessionSettings()
    private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    private var connections: [UInt64: HTTP2Connection] = [:]
    private var nextID = Self.firstID
    /// The connections that may have something to write.
    private var touched: Set<UInt64> = []
    private var mail: [Mail] = []
    private var lastCheck = Instant.now
    /// Whether new connections are taken from the socket.
    private var isAccepting = false
    /// When calls end at the latest, once the server stops.
    private var deadline: Instant?
    private var input = [UInt8](repeating: 0, count: Self.inputBytes)
    private var output: [UInt8] = []

    init(loop: EventLoop) {
        self.loop = loop
        precondition(epoll >= 0, "no descriptor is left for an event loop")
        watch(EPOLL_CTL_ADD, loop.mailbox.wakeUp, id: Self.wakeUpID, EPOLLIN.rawValue)
    }

    mutating func run() {
        var events = unsafe [epoll_event](repeating: epoll_event(), count: 128)
        accept(true)
        while deadline == nil || !connections.isEmpty {
            let timeout = loop.mailbox.sleep() && touched.isEmpty ? sleepTime : 0
            let count = unsafe epoll_wait(epoll, &events, Int32(events.count), timeout)
            loop.mailbox.wake()
            for index in 0..<max(0, Int(count)) {
                let event = unsafe events[index]
                unsafe handle(event.data.u64)
            }
            checkTimes()
            readMail()
            write()
        }
        close(epoll)
    }

    /// How long nothing may happen, in milliseconds: for ever if there is nobody whose time could be over.
    private var sleepTime: Int32 {
        if connections.isEmpty, isAccepting { return -1 }
        return deadline == nil ? Self.interval : Self.drainInterval
    }

    // MARK: - Sockets

    /// Something has happened to a socket.
    private mutating func handle(_ id: UInt64) {
        switch id {
        case Self.wakeUpID:
            var count: UInt64 = 0
            _ = unsafe read(loop.mailbox.wakeUp, &count, 8)
        case Self.listenerID: _ = acceptConnections()
        default:
            guard let connection = connections[id] else { return }
            touched.insert(id)
            // A socket that is only writable has nothing to be read, but a handshake goes on by reading.
            let goesOn = unsafe input.withUnsafeMutableBytes { unsafe connection.receive($0) }
            if !goesOn { end(connection) }
        }
    }

    /// Takes connections. Returns whether there may be more.
    private mutating func acceptConnections() -> Bool {
        for _ in 0..<Self.accepts {
            guard let accepted = ListeningSocket.accept(loop.socket) else {
                // Without a descriptor left the socket stays readable: it is looked at again with the next check.
                if errno != EAGAIN, errno != ECONNABORTED, errno != EINTR { accept(false) }
                return false
            }
            guard loop.connections.add(atMost: loop.core.limits.connections) else {
                close(accepted.descriptor)
                continue
            }
            open(accepted)
        }
        return true
    }

    private mutating func open(_ accepted: ListeningSocket.Accepted) {
        let certificate = loop.certificate?.value
        precondition(loop.certificate == nil || certificate != nil, "the certificate is read before anybody connects")
        guard let socket = ConnectionSocket(accepted.descriptor, certificate: certificate),
            let connection = HTTP2Connection(
                id: nextID, client: accepted.host, socket: socket, core: loop.core, mailbox: loop.mailbox,
                settings: settings)
        else { return loop.connections.remove() }
        connections[nextID] = connection
        touched.insert(nextID)
        nextID += 1
        connection.watched = EPOLLIN.rawValue
        watch(EPOLL_CTL_ADD, socket.descriptor, id: connection.id, connection.watched)
        if deadline != nil { connection.drain(at: .now) }
    }

    /// Writes what there is, and leaves touched whoever has more than is written at a time.
    private mutating func write() {
        let ready = touched
        touched.removeAll(keepingCapacity: true)
        for id in ready { if let connection = connections[id] { write(connection) } }
    }

    private mutating func write(_ connection: HTTP2Connection) {
        guard connection.flush(&output) else { return end(connection) }
        if connection.isUnfinished { touched.insert(connection.id) }
        let wanted = EPOLLIN.rawValue | (connection.waitsToWrite ? EPOLLOUT.rawValue : 0)
        guard wanted != connection.watched else { return }
        connection.watched = wanted
        watch(EPOLL_CTL_MOD, connection.socket.descriptor, id: connection.id, wanted)
    }

    private mutating func end(_ connection: HTTP2Connection) {
        connection.closed()
        // Before its descriptor is closed, and its number another's.
        _ = epoll_ctl(epoll, EPOLL_CTL_DEL, connection.socket.descriptor, nil)
        connections[connection.id] = nil
        loop.connections.remove()
    }

    private mutating func accept(_ accepts: Bool) {
        guard accepts != isAccepting else { return }
        isAccepting = accepts
        if accepts {
            watch(
                EPOLL_CTL_ADD, loop.socket, id: Self.listenerID, EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue)
        } else {
            _ = epoll_ctl(epoll, EPOLL_CTL_DEL, loop.socket, nil)
        }
    }

    private func watch(_ operation: Int32, _ descriptor: Int32, id: UInt64, _ events: UInt32) {
        var event = unsafe epoll_event()
        unsafe event.events = events
        unsafe event.data.u64 = id
        _ = unsafe epoll_ctl(epoll, operation, descriptor, &event)
    }

    // MARK: - Mail

    private mutating func readMail() {
        loop.mailbox.take(&mail)
        for letter in mail {
            switch letter {
            case .send(let id, let outgoing):
                guard let (connection, stream) = find(id) else {
                    outgoing.written?.resume(returning: false)
                    continue
                }
                connection.send(outgoing, on: stream)
            case .consumed(let id, let byteCount):
                guard let (connection, stream) = find(id) else { continue }
                connection.consumed(byteCount, of: stream)
            case .drain(let deadline): drain(until: deadline)
            }
        }
        mail.removeAll(keepingCapacity: true)
    }

    private mutating func find(_ id: StreamID) -> (HTTP2Connection, CallStream)? {
        guard let connection = connections[id.connection], let stream = connection.streams[id.number] else {
            return nil
        }
        touched.insert(id.connection)
        return (connection, stream)
    }

    // MARK: - Time

    private mutating func checkTimes() {
        let now = Instant.now
        guard now - lastCheck >= .milliseconds(Int(deadline == nil ? Self.interval : Self.drainInterval)) else {
            return
        }
        lastCheck = now
        if deadline == nil { accept(true) }
        let isOver = deadline.map { now >= $0 } ?? false
        let isPast = deadline.map { now >= $0 + Self.farewell } ?? false
        for connection in connections.values {
            guard !isPast, connection.check(at: now) else {
                end(connection)
                continue
            }
            if isOver { connection.cutOff() }
            if connection.hasOutput { touched.insert(connection.id) }
        }
    }

    private mutating func drain(until deadline: Instant) {
        guard self.deadline == nil else { return }
        self.deadline = deadline
        // To close the socket would reset those that wait for it although their clients may have sent a call.
        while acceptConnections() {}
        accept(false)
        shutdown(loop.socket, Int32(SHUT_RDWR))
        let now = Instant.now
        for connection in connections.values where !connection.isDraining {
            connection.drain(at: now)
            touched.insert(connection.id)
        }
    }

    /// What an event names, if it isn't a connection.
    private static let (listenerID, wakeUpID, firstID) = (UInt64(0), UInt64(1), UInt64(2))
    /// How many connections are accepted before others have their turn.
    private static let accepts = 64
    /// How much is read at a time, in bytes.
    private static let inputBytes = 256 << 10
    /// How often is looked at what takes too long, in milliseconds; and while the server stops.
    private static let (interval, drainInterval) = (Int32(100), Int32(10))
    /// How long clients have to read why calls were ended that took too long.
    private static let farewell = Duration.milliseconds(500)
}
