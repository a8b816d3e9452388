import MantaCore
import MantaThreads
public import MantaTime
import Synchronization

/// Tells when something in folders, or a file, has changed.
///
/// ```swift
/// let watcher = try await FolderWatcher.open(paths: ["models", "manta.yaml"])
/// async let watching: Void = watcher.run()
/// for await _ in watcher.changes { reload() }
/// ```
///
/// Of a folder it watches the two levels below it, as `<repository>/<model>/<version>/`, without hidden folders. It
/// follows symbolic links and notices when one of them is replaced, as Kubernetes does with mounted configurations. A
/// path needn't exist: it may come, go, and come back.
///
/// One change is told once nothing has happened for 200 ms, or 2 s after it began if something always happens. It may be
/// told although nothing of interest changed. What changed isn't told: read again what is of interest.
public final class FolderWatcher: Sendable {
    /// One element for each burst of changes since the watcher was opened; changes that nobody has read are one. Ends
    /// with ``run()``. For one reader.
    public let changes: AsyncStream<Void>
    private let told: AsyncStream<Void>.Continuation
    /// `nil` once it runs.
    private let tree: Mutex<WatchedTree?>
    private let stop: StopSignal
    private let burst = Mutex(ChangeBurst())
    private let time: any TimeSource

    /// Begins to watch: whatever changes from here on is told once the watcher runs.
    ///
    /// - Parameters:
    ///   - paths: Folders and files, whether or not they exist.
    ///   - time: The clock.
    /// - Returns: The watcher, for ``run()``.
    /// - Throws: ``FolderWatcherError`` if the system doesn't allow for it; its message is for the log.
    public static func open(
        paths: [String], time: any TimeSource = MachineTime()
    ) async throws(FolderWatcherError) -> FolderWatcher {
        try await Thread.run(name: "watch") { () throws(FolderWatcherError) in
            let stop = try StopSignal()
            let tree = try WatchedTree(paths: paths)
            return FolderWatcher(tree, stop, time: time)
        }
    }

    private init(_ tree: WatchedTree, _ stop: StopSignal, time: any TimeSource) {
        (changes, told) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.tree = Mutex(tree)
        (self.stop, self.time) = (stop, time)
    }

    /// Watches until the task is cancelled. Call it once.
    ///
    /// - Throws: ``FolderWatcherError`` if folders have come that the system doesn't allow to be watched.
    public func run() async throws(FolderWatcherError) {
        defer { told.finish() }
        guard let tree = tree.withLock({ $0.take() }) else { preconditionFailure("the watcher has been run") }
        let (happened, happens) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        async let telling: Void = tell(happened)
        let result: Result<Void, FolderWatcherError> = await withTaskCancellationHandler {
            await Thread.run(name: "watch") { [stop] in
                // Here, since closing a queue of many watches takes the kernel a while.
                defer { tree.close() }
                do throws(FolderWatcherError) {
                    while try tree.wait(orFor: stop) {
                        if try tree.update() { happens.yield() }
                    }
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
        } onCancel: {
            stop.send()
        }
        happens.finish()
        await telling
        try result.get()
    }

    /// Tells each burst of what happens once it is over.
    private func tell(_ happened: AsyncStream<Void>) async {
        let (begun, begins) = AsyncStream.makeStream(of: Void.self)
        async let noting: Void = note(happened, begins)
        for await _ in begun {
            while let end = burst.withLock({ $0.end }) {
                // Fails when the task is cancelled: nobody is to be told anything more.
                do { try await time.sleep(until: end) } catch { break }
                let now = time.now
                if burst.withLock({ $0.isOver(at: now) }) { told.yield() }
            }
        }
        await noting
    }

    private func note(_ happened: AsyncStream<Void>, _ begins: AsyncStream<Void>.Continuation) async {
        for await _ in happened {
            let now = time.now
            if burst.withLock({ $0.changed(at: now) }) { begins.yield() }
        }
        begins.finish()
    }
}

/// Why folders can't be watched. Everything else goes on without it.
public struct FolderWatcherError: Error, Sendable, CustomStringConvertible {
    /// What failed and what the operator may change.
    public var message: String

    /// The message.
    public var description: String { message }
}
