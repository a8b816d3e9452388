import CMantaProcesses
import MantaThreads

#if canImport(Glibc)
    import Glibc
#endif

extension Program {
    /// Starts it, to run until it ends or the result is let go of.
    package func start() async throws(Failure) -> ChildProcess {
        let life = ChildLife()
        // One thread does all, because the kernel kills the child when the thread that started it ends: that is after
        // the child's end, or with this process.
        let started: Swift.Result<Int32, Failure> = await withCheckedContinuation { continuation in
            Thread.start(name: "child") {
                do throws(Failure) {
                    var child = try startHere()
                    life.keepInput(&child.input)
                    continuation.resume(returning: .success(child.pid))
                    life.follow(child)
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return ChildProcess(pid: try started.get(), life)
    }

    /// Starts it from the calling thread. What only the child is to have is closed then.
    private func startHere() throws(Failure) -> StartedChild {
        let input = try ChildStream.of(input)
        let output = try ChildStream.of(output, STDOUT_FILENO)
        let errors = try errorStream(besides: output.theirs.number)
        let pid = try spawn(input.theirs.number, output.theirs.number, errors.theirs.number)
        return StartedChild(pid: pid, input: input.ours, output: output.ours, errors: errors.ours)
    }

    private func errorStream(besides output: Int32) throws(Failure) -> ChildStream {
        guard let errors else { return try .copy(of: output) }
        return try .of(errors, STDERR_FILENO)
    }

    private func spawn(_ input: Int32, _ output: Int32, _ errors: Int32) throws(Failure) -> Int32 {
        let texts = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
        let variables = unsafe environment.map { unsafe strdup("\($0)=\($1)") } + [nil]
        let place = unsafe directory.flatMap { unsafe strdup($0) }
        defer { unsafe (texts + variables + [place]).forEach { unsafe free($0) } }
        var pid: Int32 = 0
        let error = unsafe texts.withUnsafeBufferPointer { texts in
            unsafe variables.withUnsafeBufferPointer { variables in
                var program = unsafe MantaProgram(
                    path: texts[0], arguments: texts.baseAddress, environment: variables.baseAddress,
                    directory: place, streams: (input, output, errors))
                return unsafe manta_start_program(&program, &pid)
            }
        }
        guard error == 0 else { throw Failure(error, path) }
        return pid
    }
}

/// A child that runs, and this process' ends of its streams.
struct StartedChild: ~Copyable {
    let pid: Int32
    var input: Descriptor
    let output: Descriptor
    let errors: Descriptor
}
