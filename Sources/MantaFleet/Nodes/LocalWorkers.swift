package import Logging
package import MantaRuntime
package import MantaTime
import MantaConfig
import MantaProcesses
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Workers that are processes of this machine, children of this one.
///
/// One that ends by itself is started again, after a time that doubles up to half a minute while none lives for long. All
/// of them end with this process, however it ends. What they log goes where this process logs.
package actor LocalWorkers: NodeProvider {
    /// How they are started and stopped.
    package struct Settings: Sendable {
        /// The program, and its arguments but for those that tell one worker from another.
        package var program: String
        package var arguments: [String]
        /// The folder in which each has one of its own.
        package var folder: String
        /// Tells the workers of this node from those of others.
        package var owner: String
        /// How long their replicas have to be replaced elsewhere.
        package var drainTime = Duration.seconds(30)
        /// How long they have to finish requests after that.
        package var endTime = Duration.seconds(15)
        package var delays = BackoffDelays(first: .milliseconds(100), longest: .seconds(30))
        /// One that lived for so long wasn't started in vain.
        package var calmTime = Duration.seconds(60)

        package init(program: String, arguments: [String], folder: String, owner: String) {
            (self.program, self.arguments) = (program, arguments)
            (self.folder, self.owner) = (folder, owner)
        }
    }

    private static let lookInterval = Duration.milliseconds(50)

    private let settings: Settings
    private let logger: Logger
    private let time: any TimeSource
    /// How many there are to be, and whether they are to go for good.
    private var wanted: Int
    private var isStopping = false
    private var children: [Int: ChildProcess] = [:]
    private var supervised: Set<Int> = []
    private let pokes = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// So many, which aren't started yet.
    package init(_ settings: Settings, count: Int, logger: Logger, time: any TimeSource = MachineTime()) {
        (self.settings, self.logger, self.time) = (settings, logger, time)
        wanted = count
    }

    // MARK: - NodeProvider

    package nonisolated var name: String { "local processes" }

    package func count() -> Int { wanted }

    package func setCount(_ count: Int, from former: Int) throws(NodeProviderError) {
        guard wanted == former else { throw NodeProviderError("there are to be \(wanted) local workers meanwhile") }
        wanted = count
        pokes.continuation.yield()
    }

    package nonisolated func number(of worker: NodeRecord) -> Int? {
        worker.labels[FleetConfiguration.Hosting.localLabel]?.suffix(after: settings.owner + "/").flatMap { Int($0) }
    }

    // MARK: - Life

    /// Starts workers and looks after them until ``stop()``.
    ///
    /// - Parameter isNeeded: Whether somebody else still sends requests to them when they are to stop: their replicas are
    ///   replaced elsewhere first then.
    package func run(isNeeded: @Sendable () -> Bool) async {
        pokes.continuation.yield()
        await withDiscardingTaskGroup { group in
            for await _ in pokes.stream {
                for number in 0..<wanted where supervised.insert(number).inserted {
                    group.addTask { await self.supervise(number) }
                }
                for number in children.keys where number >= wanted {
                    group.addTask { await self.end(number, drains: true) }
                }
            }
            isStopping = true
            let drains = isNeeded()
            for number in children.keys { group.addTask { await self.end(number, drains: drains) } }
        }
    }

    /// Ends all of them. ``run(isNeeded:)`` returns once they have.
    package nonisolated func stop() { pokes.continuation.finish() }

    /// The numbers of those that run.
    var running: [Int] { children.keys.sorted() }

    private func isWanted(_ number: Int) -> Bool { number < wanted && !isStopping }

    /// Has a worker run for as long as it is wanted.
    private func supervise(_ number: Int) async {
        defer { supervised.remove(number) }
        var failures = 0
        while isWanted(number) {
            let begun = time.now
            let end = await live(number)
            guard isWanted(number) else { return }
            if time.now - begun >= settings.calmTime { failures = 0 }
            let delay = settings.delays.delay(after: failures)
            failures += 1
            logger.error(
                "A worker has ended and is started again",
                metadata: ["worker": "\(number)", "reason": "\(end)", "after_s": "\(delay.seconds)"])
            let again = time.now + delay
            while isWanted(number), time.now < again { await pause() }
        }
    }

    /// Runs a worker to its end; returns what that was.
    private func live(_ number: Int) async -> String {
        var program = Program(
            settings.program,
            settings.arguments + [
                "--local-worker", "\(settings.owner)/\(number)", "--state", "\(settings.folder)/\(number)",
                "--drain-timeout", "\(settings.drainTime.milliseconds / 1000)",
            ])
        // Its end tells a worker that nobody is there any more in whose place others could put its replicas.
        (program.input, program.output, program.errors) = (.open, .shared, .shared)
        do throws(Program.Failure) {
            let child = try await program.start()
            children[number] = child
            logger.info("A worker is started", metadata: ["worker": "\(number)", "pid": "\(child.pid)"])
            // Nobody ends one that became superfluous while it was started. It has nothing yet.
            if !isWanted(number) { child.kill() }
            let status = await child.exitStatus()
            children[number] = nil
            return status < 0 ? "signal \(-status)" : "exit status \(status)"
        } catch {
            return "\(error)"
        }
    }

    /// Has a worker drain and end, and kills it if it doesn't.
    private func end(_ number: Int, drains: Bool) async {
        guard let child = children[number] else { return }
        if !drains { child.endInput() }
        child.signal(SIGTERM)
        if drains {
            await wait(settings.drainTime, for: child, number)
            child.endInput()
        }
        await wait(settings.endTime, for: child, number)
        guard children[number] === child else { return }
        logger.warning("A worker doesn't end and is killed", metadata: ["worker": "\(number)"])
        child.kill()
    }

    private func wait(_ limit: Duration, for child: ChildProcess, _ number: Int) async {
        let end = time.now + limit
        while children[number] === child, time.now < end { await pause() }
    }

    private func pause() async {
        try? await time.sleep(until: time.now + Self.lookInterval)
    }
}
