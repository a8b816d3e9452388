import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// All open connections, and a thread that watches them: for clients that leave, and for phases that last too long.
///
/// libmicrohttpd neither times out a suspended connection nor notices that its client left. So each socket is put once,
/// for its whole life, into an epoll of ours that asks only for the end of the connection, edge-triggered: a request
/// costs no system call for it. An event names the connection by number, so one that comes late finds nobody.
final class ConnectionTable: Sendable {
    private struct State {
        var open: [UInt64: Connection] = [:]
        var nextID: UInt64 = 1
        var isStopped = false
        /// Resumed when no connection is busy.
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC.rawValue))
    private let limits: HTTPLimits
    private let cancelOnHalfClose: Bool

    /// The wakeUp event's number; connections count from 1.
    private static let wakeUpID: UInt64 = 0
    /// How often phases are checked: a time limit is kept to within this.
    private static let interval: Int32 = 250
    private let wakeUp = eventfd(0, Int32(EFD_CLOEXEC.rawValue | EFD_NONBLOCK.rawValue))

    init(limits: HTTPLimits, cancelOnHalfClose: Bool) {
        (self.limits, self.cancelOnHalfClose) = (limits, cancelOnHalfClose)
        watch(wakeUp, id: Self.wakeUpID, events: EPOLLIN.rawValue)
    }

    deinit {
        close(wakeUp)
        close(epoll)
    }

    /// A connection was accepted.
    func opened(descriptor: Int32, remoteAddress: String, isPlain: Bool) -> Connection {
        let connection = state.withLock { state in
            let connection = Connection(
                id: state.nextID, descriptor: descriptor, remoteAddress: remoteAddress, isPlain: isPlain)
            state.nextID += 1
            state.open[connection.id] = connection
            return connection
        }
        watch(descriptor, id: connection.id, events: EPOLLRDHUP.rawValue | EPOLLET.rawValue)
        return connection
    }

    /// libmicrohttpd is about to close the connection's socket.
    func closed(_ connection: Connection) {
        state.withLock { _ = $0.open.removeValue(forKey: connection.id) }
        _ = unsafe epoll_ctl(epoll, EPOLL_CTL_DEL, connection.descriptor, nil)
        connection.clientLeft()
    }

    /// All open connections.
    var all: [Connection] { state.withLock { Array($0.open.values) } }

    /// Watches until ``stop()``, on the calling thread.
    func run() {
        var events = unsafe [epoll_event](repeating: epoll_event(), count: 64)
        var nextCheck = ContinuousClock.now + .milliseconds(Int(Self.interval))
        while !state.withLock({ $0.isStopped }) {
            let count = unsafe epoll_wait(epoll, &events, Int32(events.count), Self.interval)
            for index in 0..<max(0, Int(count)) {
                let event = unsafe events[index]
                unsafe handle(event.events, of: event.data.u64)
            }
            let now = ContinuousClock.now
            guard now >= nextCheck else { continue }
            nextCheck = now + .milliseconds(Int(Self.interval))
            enforceLimits(at: now)
        }
    }

    /// Lets ``run()`` return.
    func stop() {
        state.withLock { $0.isStopped = true }
        var one: UInt64 = 1
        _ = unsafe write(wakeUp, &one, 8)
    }

    private func handle(_ events: UInt32, of id: UInt64) {
        guard id != Self.wakeUpID, let connection = state.withLock({ $0.open[id] }) else { return }
        let isCut = events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
        if isCut || cancelOnHalfClose { connection.clientLeft() }
    }

    /// With the table locked, so that no socket is closed, and its number taken by another, meanwhile.
    private func enforceLimits(at now: ContinuousClock.Instant) {
        state.withLock { state in
            for connection in state.open.values { connection.enforce(limits, at: now) }
        }
    }

    /// Ends every connection on which nothing is under way.
    func closeIdle() {
        state.withLock { state in
            for connection in state.open.values { connection.closeIfIdle() }
        }
    }

    private func watch(_ descriptor: Int32, id: UInt64, events: UInt32) {
        var event = unsafe epoll_event()
        unsafe event.events = events
        unsafe event.data.u64 = id
        _ = unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
    }
}
