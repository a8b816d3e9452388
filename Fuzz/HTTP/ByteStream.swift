import FuzzKit
import Glibc

/// One connection to the server, for bytes of any kind.
struct ByteStream: ~Copyable {
    /// How a connection went.
    struct Outcome {
        /// Everything that the server sent.
        var received: [UInt8] = []
        /// Whether the server cut the connection, so that some of what it sent may be lost.
        var wasReset = false
    }

    private let descriptor: Int32
    /// What takes longer never ends. Nothing should take a second, but the machine may be busy.
    private static let hangs = Duration.seconds(20)

    /// Connects to a port of this machine.
    init(port: Int) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        expect(status == 0, "the server can't be reached any more: \(errno)")
        var yes: Int32 = 1
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit {
        // Without waiting: so many connections would use up the ports.
        var abort = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &abort, socklen_t(MemoryLayout<linger>.size))
        close(descriptor)
    }

    /// Sends bytes; the server may have closed before all are sent.
    func send(_ bytes: ArraySlice<UInt8>) {
        _ = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
    }

    /// Takes what comes until the connection ends.
    ///
    /// - Parameter patience: How long the server may say nothing before it is told that nothing more is sent.
    /// - Returns: What came.
    func finish(patience: Duration) -> Outcome {
        var outcome = Outcome()
        while wait(for: patience), receive(into: &outcome) {}
        // The server has its own time limits, but the end of what it is sent makes it end the connection at once.
        shutdown(descriptor, Int32(SHUT_WR))
        while true {
            expect(wait(for: Self.hangs), "the connection hangs after \(text(outcome))")
            if !receive(into: &outcome) { return outcome }
        }
    }

    /// Takes what comes until it is this many bytes.
    func take(_ count: Int) -> Outcome {
        var outcome = Outcome()
        while outcome.received.count < count {
            expect(wait(for: Self.hangs), "a good request hangs after \(text(outcome))")
            if !receive(into: &outcome) { break }
        }
        return outcome
    }

    private func text(_ outcome: Outcome) -> String { String(decoding: outcome.received, as: UTF8.self) }

    private func wait(for limit: Duration) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let (seconds, attoseconds) = limit.components
        while true {
            let count = unsafe poll(&waiting, 1, Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000))
            // libFuzzer looks at the time with a signal every now and then.
            if count >= 0 || errno != EINTR { return count == 1 }
        }
    }

    /// Returns false when the connection has ended.
    private func receive(into outcome: inout Outcome) -> Bool {
        let count = unsafe withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 1) { chunk in
            let count = unsafe recv(descriptor, chunk.baseAddress, chunk.count, 0)
            if count > 0 { unsafe outcome.received += chunk[..<count] }
            return count
        }
        if count < 0 { outcome.wasReset = true }
        return count > 0
    }
}
