import CMantaHTTP
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Writes the body of a reply while it is sent.
///
/// At most one write waits at a time: ``write(_:)`` returns when its bytes have been taken, so a slow reader slows the
/// writer down and memory stays bounded by one write.
///
/// Unchecked Sendable: `mhd` is constant, and libmicrohttpd lets any thread resume a connection; all else is behind the
/// mutex.
@safe public final class HTTPBodyWriter: @unchecked Sendable {
    private struct State {
        var pending: ArraySlice<UInt8> = []
        var isFinished = false
        var hasFailed = false
        /// The client has gone or the server stops.
        var isClosed = false
        /// The end is the server's wish: the body is whole wherever it ends.
        var mayEndAnywhere = false
        /// libmicrohttpd found nothing to send and has suspended the connection.
        var isSuspended = false
        var writer: CheckedContinuation<Void, any Error>?
    }

    private let mhd: OpaquePointer
    private let body: @Sendable (HTTPBodyWriter) async throws -> Void
    private let state = Mutex(State())

    init(mhd: OpaquePointer, body: @escaping @Sendable (HTTPBodyWriter) async throws -> Void) {
        unsafe self.mhd = mhd
        self.body = body
    }

    /// Sends bytes to the client; returns when they have been taken.
    ///
    /// - Throws: `CancellationError` when the client has gone or the server stops.
    public func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (isClosed, wasSuspended) = state.withLock { state in
                    if state.isClosed || Task.isCancelled { return (true, false) }
                    state.pending = bytes[...]
                    state.writer = continuation
                    defer { state.isSuspended = false }
                    return (false, state.isSuspended)
                }
                if isClosed { continuation.resume(throwing: CancellationError()) }
                if wasSuspended { unsafe MHD_resume_connection(mhd) }
            }
        } onCancel: {
            close()
        }
    }

    /// Runs the closure that writes, then ends the body.
    func run() async {
        do {
            try await body(self)
            finish(hasFailed: false)
        } catch {
            finish(hasFailed: true)
        }
    }

    /// Cuts the body off, whatever the closure is doing.
    func abort() {
        state.withLock { $0.mayEndAnywhere = false }
        close()
        finish(hasFailed: true)
    }

    /// Has an endless body end here. What was taken so far is still sent.
    func end() {
        state.withLock { $0.mayEndAnywhere = true }
        close()
    }

    private func finish(hasFailed: Bool) {
        let wasSuspended = state.withLock { state in
            guard !state.isFinished else { return false }
            state.isFinished = true
            state.hasFailed = hasFailed && !state.mayEndAnywhere
            defer { state.isSuspended = false }
            return state.isSuspended
        }
        if wasSuspended { unsafe MHD_resume_connection(mhd) }
    }

    /// Nobody takes the bytes any more.
    private func close() {
        let writer = state.withLock { state in
            state.isClosed = true
            defer { state.writer = nil }
            return state.writer
        }
        writer?.resume(throwing: CancellationError())
    }

    /// The response object that asks this writer for its bytes, and keeps it alive until it is destroyed.
    func makeResponse() -> OpaquePointer? {
        unsafe MHD_create_response_from_callback(
            UInt64.max, 32 << 10,
            { context, _, target, size in
                guard let context = unsafe context, let target = unsafe target else { return -1 }
                let writer = unsafe Unmanaged<HTTPBodyWriter>.fromOpaque(context).takeUnretainedValue()
                return unsafe writer.take(UnsafeMutableRawBufferPointer(start: target, count: size))
            }, Unmanaged.passRetained(self).toOpaque(),
            { context in
                guard let context = unsafe context else { return }
                unsafe Unmanaged<HTTPBodyWriter>.fromOpaque(context).release()
            })
    }

    /// Fills libmicrohttpd's buffer, on the connection's thread; suspends the connection if there is nothing yet.
    private func take(_ target: UnsafeMutableRawBufferPointer) -> Int {
        let (count, writer): (Int, CheckedContinuation<Void, any Error>?) = state.withLock { state in
            if state.pending.isEmpty {
                // -1 ends the body, -2 cuts it off: MHD_CONTENT_READER_END_OF_STREAM and …_END_WITH_ERROR.
                if state.isFinished { return (state.hasFailed ? -2 : -1, nil) }
                state.isSuspended = true
                // Under the lock, so that nobody resumes before.
                unsafe MHD_suspend_connection(mhd)
                return (0, nil)
            }
            let count = min(target.count, state.pending.count)
            unsafe target.copyBytes(from: state.pending.prefix(count))
            state.pending = state.pending.dropFirst(count)
            guard state.pending.isEmpty else { return (count, nil) }
            defer { state.writer = nil }
            return (count, state.writer)
        }
        writer?.resume()
        return count
    }
}

extension Exchange {
    /// A writer for the body of this exchange's reply.
    func makeWriter(_ body: @escaping @Sendable (HTTPBodyWriter) async throws -> Void) -> HTTPBodyWriter {
        unsafe HTTPBodyWriter(mhd: mhd, body: body)
    }
}
