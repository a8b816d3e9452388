import MantaHTTP

#if canImport(Glibc)
    import Glibc
#endif

/// A client's socket, with or without encryption. Neither reading nor writing blocks. Closed with the last reference.
final class ConnectionSocket {
    let descriptor: Int32
    private let tls: TLSConnection?
    private var isShakingHands: Bool

    /// A socket that was just accepted; `nil`, and closed, if its encryption can't begin.
    init?(_ descriptor: Int32, certificate: TLSCertificate?) {
        self.descriptor = descriptor
        if let certificate {
            guard let tls = TLSConnection(certificate, socket: descriptor) else {
                close(descriptor)
                return nil
            }
            self.tls = tls
        } else {
            tls = nil
        }
        isShakingHands = tls != nil
        var yes: Int32 = 1
        unsafe setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(descriptor) }

    /// Whether the handshake waits to write; `nil` if it is done. It goes on by reading in any case.
    var handshakeWaitsToWrite: Bool? { isShakingHands ? tls?.waitsToWrite : nil }

    /// Whether less may be read at a time than is there.
    var readsInRecords: Bool { tls != nil }

    /// Reads what is there.
    func receive(_ bytes: UnsafeMutableRawBufferPointer) -> SocketOutcome {
        if let waiting = shakeHands() { return waiting }
        if let tls { return unsafe tls.receive(bytes) }
        let count = unsafe recv(descriptor, bytes.baseAddress, bytes.count, 0)
        return count == 0 ? .ended : Self.outcome(count)
    }

    /// Writes. What has to wait must be written again as it was.
    func send(_ bytes: UnsafeRawBufferPointer) -> SocketOutcome {
        if let waiting = shakeHands() { return waiting }
        if let tls { return unsafe tls.send(bytes) }
        return Self.outcome(unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)))
    }

    /// Says that nothing more is written.
    func finish() {
        if !isShakingHands { tls?.finish() }
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Goes on with the handshake; `nil` if there is none, or it is done.
    private func shakeHands() -> SocketOutcome? {
        guard isShakingHands, let tls else { return nil }
        let outcome = tls.handshake()
        guard case .bytes = outcome else { return outcome }
        isShakingHands = false
        return nil
    }

    private static func outcome(_ count: Int) -> SocketOutcome {
        if count >= 0 { return .bytes(count) }
        return errno == EAGAIN || errno == EINTR ? .waits : .broken
    }
}
