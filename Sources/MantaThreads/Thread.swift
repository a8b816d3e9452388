#if canImport(Glibc)
    import Glibc
#endif

/// Threads of our own for work that blocks: the cooperative pool must never.
package enum Thread {
    private final class Start {
        let name: String
        let body: () -> Void

        init(name: String, body: @escaping () -> Void) {
            (self.name, self.body) = (name, body)
        }
    }

    /// Starts a detached thread.
    ///
    /// - Parameters:
    ///   - name: What debuggers and `top -H` show; cut to the kernel's 15 bytes.
    ///   - body: What it does. The thread ends with it.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) {
        let start = unsafe Unmanaged.passRetained(Start(name: String(name.prefix(15)), body: body))
        var thread = pthread_t()
        let error = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                Thread.nameCurrent(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        precondition(error == 0, "no thread could be started (error \(error))")
        pthread_detach(thread)
    }

    /// Names the calling thread, through the kernel's file: the C library's call is hidden from Swift.
    private static func nameCurrent(_ name: String) {
        guard let file = unsafe fopen("/proc/thread-self/comm", "w") else { return }
        unsafe fputs(name, file)
        unsafe fclose(file)
    }

    /// Runs work that blocks on a thread of its own and waits for it without blocking.
    ///
    /// What `body` captures is released before this returns, unless others hold it too.
    package static func run<Value: Sendable, Failure: Error>(
        name: String, _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let work = Work(body)
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            start(name: name) { continuation.resume(returning: work.take()) }
        }
        return try result.get()
    }

    /// Work that is done, and let go of, once.
    ///
    /// Unchecked Sendable: made by one thread and handed to the one that does it.
    private final class Work<Value: Sendable, Failure: Error>: @unchecked Sendable {
        private var body: (@Sendable () throws(Failure) -> Value)?

        init(_ body: @escaping @Sendable () throws(Failure) -> Value) {
            self.body = body
        }

        func take() -> Result<Value, Failure> {
            guard let body = body.take() else { preconditionFailure("done already") }
            do throws(Failure) {
                return .success(try body())
            } catch {
                return .failure(error)
            }
        }
    }
}
