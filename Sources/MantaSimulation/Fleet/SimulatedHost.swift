import MantaCore
import MantaFleet
import MantaRuntime
import MantaTime

/// What a worker of the world hosts: models that take a while to come and to load, and replicas that take a while to run a
/// batch, one at a time each. Unchecked Sendable: see ``EventLoop``.
final class SimulatedHost: ReplicaHost, @unchecked Sendable {
    struct Failure: Error, CustomStringConvertible { let description: String }

    private struct Group {
        let record: GroupRecord
        var wanted = 0
        /// Replicas that have started.
        var ready = 0
        var isLoaded = false
        var isHosted = false
        var running = 0
        var queue: [() -> Void] = []
    }

    private let process: SimulatedProcess
    private let world: World
    private var groups: [String: Group] = [:]
    private var directory: ObjectDirectory<Randomness>
    /// Calls that are under way here, and how their callers learn that the process is gone.
    private var calls: [Int: () -> Void] = [:]
    private var nextCall = 0
    /// How many times longer everything takes than usual.
    var slowness = 1.0

    init(_ process: SimulatedProcess, in world: World) {
        (self.process, self.world) = (process, world)
        directory = ObjectDirectory(random: Randomness(seed: EventLoop.shared.random.next()))
    }

    private var loop: EventLoop { process.loop }

    // MARK: - Hosting

    var objects: [String] { Set(groups.values.flatMap(\.record.files).map(\.object)).sorted() }

    func prepare(_ group: GroupRecord, from holders: [String: [String]]) async throws {
        directory.set(holders)
        for file in group.files {
            guard let id = ObjectID(file.object) else { throw Failure(description: "\(file.object) is no object") }
            try await fetch(id, byteCount: file.byteCount)
        }
        if groups[group.name] == nil { groups[group.name] = Group(record: group) }
    }

    /// Pulls an object from those who have it, as the shipped decisions say.
    private func fetch(_ id: ObjectID, byteCount: Int) async throws {
        let layout = ChunkLayout(byteCount: byteCount, chunkSize: max(byteCount / 4, 1))
        var plan = FetchPlan(id, layout, present: [], using: &loop.random)
        try await withThrowingTaskGroup(of: (Int, String, Bool)?.self) { tasks in
            while true {
                switch plan.next(from: &directory, at: process.now) {
                case .pull(let chunk, let holder):
                    tasks.addTask { (chunk, holder, await self.pull(id, from: holder)) }
                    continue
                case .done: return
                case .failed(let error): throw error
                case .rest(let until):
                    tasks.addTask {
                        try await self.process.sleep(until: until)
                        return nil
                    }
                case .waitForPull: break
                }
                guard let (chunk, holder, isThere) = try await tasks.next() ?? nil else {
                    try Task.checkCancellation()
                    continue
                }
                directory.ended(at: holder, isThere ? .answered : .failed, at: process.now)
                if isThere {
                    plan.pulled(chunk)
                } else if let error = plan.failed(chunk, "no answer", holders: directory.holders(of: id).count) {
                    throw error
                }
            }
        }
    }

    private func pull(_ id: ObjectID, from address: String) async -> Bool {
        await process.wait(orElse: false) { answer in
            loop.after(.seconds(5)) { answer(false) }
            guard let holder = world.process(at: address) else { return answer(false) }
            world.network.send(from: process.name, to: holder.name) { [self] in
                guard holder.state != .isDead else { return answer(false) }
                holder.enter { [self] in
                    let isThere = world.objects(at: address).contains(id.description)
                    loop.after(loop.random.duration(.milliseconds(1), .milliseconds(40))) { [self] in
                        world.network.send(from: holder.name, to: process.name) { answer(isThere) }
                    }
                }
            }
        }
    }

    func host(_ replicas: [String: Int]) {
        world.auditor.hosts(replicas, on: process.name)
        for name in groups.keys.sorted() {
            guard let count = replicas[name] else {
                // What it still has is answered first.
                groups[name] = nil
                continue
            }
            guard var group = groups[name] else { continue }
            let isNew = !group.isHosted
            (group.wanted, group.ready, group.isHosted) = (count, min(group.ready, count), true)
            groups[name] = group
            if isNew {
                let wait = loop.random.duration(.milliseconds(50), .seconds(1)) * slowness
                loop.after(wait) { [self] in
                    process.enter { [self] in
                        groups[name]?.isLoaded = true
                        startReplicas(of: name)
                    }
                }
            } else {
                startReplicas(of: name)
            }
        }
    }

    private func startReplicas(of name: String) {
        guard let group = groups[name], group.isLoaded, group.record.model != SimulatedModel.brokenFile else { return }
        for _ in group.ready..<max(group.wanted, group.ready) {
            loop.after(loop.random.duration(.milliseconds(1), .milliseconds(30))) { [self] in
                process.enter { [self] in
                    guard let group = groups[name], group.ready < group.wanted else { return }
                    groups[name]?.ready += 1
                    runNext(of: name)
                }
            }
        }
    }

    func readiness(of group: String) -> (count: Int, reason: String?) {
        guard let found = groups[group] else { return (0, nil) }
        if found.isLoaded, found.record.model == SimulatedModel.brokenFile {
            return (0, "\(found.record.model): the file isn't a model")
        }
        return (found.ready, nil)
    }

    /// How many replicas take batches, by group.
    var readyCounts: [String: Int] { groups.mapValues(\.ready).filter { $0.value > 0 } }

    // MARK: - Calls

    /// Answers a call from another process, once it has come in.
    ///
    /// - Parameters:
    ///   - caller: Where the call came from.
    ///   - fails: Told if the process is gone before it answers.
    ///   - body: What is done inside; it is given the way to answer, which takes the network.
    func serve(
        _ caller: String, fails: @escaping (RemoteFailure.Kind) -> Void,
        _ body: @escaping (_ reply: @escaping (@escaping () -> Void) -> Void) -> Void
    ) {
        guard process.state != .isDead else {
            // The machine says so.
            return world.network.send(from: process.name, to: caller) { fails(.unreachable) }
        }
        nextCall += 1
        let call = nextCall
        calls[call] = { [self] in world.network.send(from: process.name, to: caller) { fails(.lost) } }
        process.enter { [self] in
            body { [self] deliver in
                calls[call] = nil
                world.network.send(from: process.name, to: caller, deliver)
            }
        }
    }

    /// The process was killed.
    func die() {
        let calls = calls.sorted { $0.key < $1.key }
        self.calls = [:]
        groups = [:]
        world.auditor.store.gone(process.name)
        for (_, fail) in calls { fail() }
    }

    func describe(_ name: String) -> RemoteDescription? {
        guard let group = groups[name], group.ready > 0 else { return nil }
        return RemoteDescription(signature: SimulatedModel.signature, maxRows: 8, replicas: group.ready)
    }

    /// Runs a batch, after those before it; false if the model can't take it.
    func run(_ batch: RemoteBatch, on name: String, done: @escaping ([Tensor]) -> Void) -> Bool {
        guard let group = groups[name], group.ready > 0, group.queue.count < 16 else { return false }
        let version = group.record.version
        let numbers = SimulatedModel.numbers(batch).map { Int($0) }
        groups[name]?.queue.append { [self] in
            world.auditor.runs(numbers, of: name)
            let time = Duration.milliseconds(3) + .microseconds(500) * numbers.count
            loop.after(time * slowness * Double.random(in: 0.8...1.2, using: &loop.random)) { [self] in
                process.enter { [self] in
                    groups[name]?.running -= 1
                    runNext(of: name)
                    done(SimulatedModel.outputs(of: batch, version: version))
                }
            }
        }
        runNext(of: name)
        return true
    }

    private func runNext(of name: String) {
        while let group = groups[name], group.running < group.ready, !group.queue.isEmpty {
            groups[name]?.running += 1
            groups[name]?.queue.removeFirst()()
        }
    }
}
