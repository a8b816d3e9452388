import CMantaHTTP

/// What became of reading from a socket, or writing to it.
package enum SocketOutcome: Sendable {
    /// This many bytes were read or written.
    case bytes(Int)
    /// There are none, or none are taken, for now.
    case waits
    /// The other side has ended.
    case ended
    /// It can't be gone on with.
    case broken
}

/// The encryption of a connection that isn't libmicrohttpd's. One thread's at a time; nothing of it blocks.
@safe package final class TLSConnection {
    private let raw: OpaquePointer
    /// Must outlive what uses it.
    private let certificate: TLSCertificate

    /// The server's side of a connection that was just accepted; `nil` if there is no memory for it.
    package init?(_ certificate: TLSCertificate, socket: Int32) {
        guard let raw = unsafe certificate.start(on: socket) else { return nil }
        unsafe self.raw = raw
        self.certificate = certificate
    }

    deinit { unsafe manta_tls_free(raw) }

    /// Shakes hands, as far as that goes: to be called until it says `bytes`, and before anything else is.
    package func handshake() -> SocketOutcome { Self.outcome(Int(unsafe manta_tls_handshake(raw)), ofZero: .bytes(0)) }

    /// Whether what waits, waits to write.
    package var waitsToWrite: Bool { unsafe manta_tls_waits_to_write(raw) != 0 }

    /// Reads what is there.
    package func receive(_ bytes: UnsafeMutableRawBufferPointer) -> SocketOutcome {
        unsafe Self.outcome(manta_tls_receive(raw, bytes.baseAddress, bytes.count), ofZero: .ended)
    }

    /// Writes. What has to wait must be written again as it was.
    package func send(_ bytes: UnsafeRawBufferPointer) -> SocketOutcome {
        unsafe Self.outcome(manta_tls_send(raw, bytes.baseAddress, bytes.count), ofZero: .waits)
    }

    /// Says that nothing more is written.
    package func finish() { unsafe manta_tls_finish(raw) }

    private static func outcome(_ result: Int, ofZero zero: SocketOutcome) -> SocketOutcome {
        switch result {
        case 0: zero
        case 1...: .bytes(result)
        case Int(MANTA_TLS_WAITS): .waits
        default: .broken
        }
    }
}
