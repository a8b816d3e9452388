import CMantaHTTP
import MantaTime
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
        var drain: Drain?
        var isStopped = false
        /// Resumed when the drain is over.
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    private let limits: HTTPLimits
    private let cancelOnHalfClose: Bool

    /// The wakeUp event's number; connections count from 1.
    private static let wakeUpID: UInt64 = 0
    /// How often phases are checked, in milliseconds: a time limit is kept to within this.
    private static let interval: Int32 = 250
    /// How often they are while the server stops.
    private static let drainInterval: Int32 = 10
    private let wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))

    init(limits: HTTPLimits, cancelOnHalfClose: Bool) {
        (self.limits, self.cancelOnHalfClose) = (limits, cancelOnHalfClose)
        watch(wakeUp, id: Self.wakeUpID, events: EPOLLIN.rawValue)
    }

    deinit {
        close(wakeUp)
        close(epoll)
    }

    /// A connection was accepted.
    func opened(descriptor: Int32, remoteAddress: String, certificate: TLSCertificate?) -> Connection {
        let connection = state.withLock { state in
            let connection = Connection(
                id: state.nextID, descriptor: descriptor, remoteAddress: remoteAddress, certificate: certificate)
            state.nextID += 1
            state.open[connection.id] = connection
            return connection
        }
        watch(descriptor, id: connection.id, events: EPOLLRDHUP.rawValue | EPOLLET.rawValue)
        return connection
    }

    /// libmicrohttpd is about to close the connection's socket.
    func closed(_ connection: Connection) {
        state.withLock { $0.open[connection.id] = nil }
        _ = epoll_ctl(epoll, EPOLL_CTL_DEL, connection.descriptor, nil)
        connection.clientClosed(countsAsGone: true)
    }

    /// How many connections are open.
    var count: Int { state.withLock { $0.open.count } }

    /// From now on connections are ended when nothing is under way on them; what is at `deadline` is given up. Returns
    /// when all are closed, but not at once: libmicrohttpd may have accepted some that it hasn't told of yet.
    func drain(until deadline: Instant) async {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                state.drain = Drain(began: .now, deadline: deadline)
                state.watchers.append(continuation)
            }
            wake()
        }
    }

    /// Watches until ``stop()``, on the calling thread.
    func run() {
        var events = unsafe [epoll_event](repeating: epoll_event(), count: 64)
        var lastCheck = Instant.now
        while true {
            let (isStopped, isDraining) = state.withLock { ($0.isStopped, $0.drain != nil) }
            if isStopped { return }
            let interval = isDraining ? Self.drainInterval : Self.interval
            let count = unsafe epoll_wait(epoll, &events, Int32(events.count), interval)
            for index in 0..<max(0, Int(count)) {
                let event = unsafe events[index]
                unsafe handle(event.events, of: event.data.u64)
            }
            let now = Instant.now
            guard now - lastCheck >= .milliseconds(Int(interval)) else { continue }
            lastCheck = now
            enforceLimits(at: now)
        }
    }

    /// Lets ``run()`` return.
    func stop() {
        state.withLock { $0.isStopped = true }
        wake()
    }

    private func wake() {
        var one: UInt64 = 1
        _ = unsafe write(wakeUp, &one, 8)
    }

    private func handle(_ events: UInt32, of id: UInt64) {
        if id == Self.wakeUpID {
            var count: UInt64 = 0
            _ = unsafe read(wakeUp, &count, 8)
            return
        }
        let isCut = events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
        state.withLock { $0.open[id] }?.clientClosed(countsAsGone: isCut || cancelOnHalfClose)
    }

    private func enforceLimits(at now: Instant) {
        // With the table locked, so that no socket is closed, and its number taken by another, meanwhile.
        let (late, watchers) = state.withLock { state in
            let late = state.open.values.compactMap { $0.enforce(limits, drain: state.drain, at: now) }
            guard let drain = state.drain, state.open.isEmpty, now - drain.began > Drain.idleGrace else {
                return (late, [CheckedContinuation<Void, Never>]())
            }
            defer { state.watchers = [] }
            return (late, state.watchers)
        }
        for ending in late {
            switch ending {
            case .giveUp(let exchange, let error): exchange.giveUp(error)
            case .endStream(let exchange): exchange.endStream()
            }
        }
        for watcher in watchers { watcher.resume() }
    }

    private func watch(_ descriptor: Int32, id: UInt64, events: UInt32) {
        var event = unsafe epoll_event()
        unsafe event.events = events
        unsafe event.data.u64 = id
        _ = unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
    }
}
