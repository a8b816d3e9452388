import MantaFleet
import MantaServing
import MantaTime

#if canImport(Glibc)
    import Glibc
#endif

/// A large fleet that nothing goes wrong in, but a few machines that are lost: what it costs to control it.
package struct ScaleRun {
    /// What a phase took, of the world's time and of ours, and what etcd had to do in it.
    package struct Phase: Sendable {
        package var name: String
        /// In the world.
        package var seconds: Double
        /// On this machine, for all of the fleet's nodes together.
        package var cpuSeconds: Double
        package var reads: Int
        package var writes: Int
        package var renewals: Int
        /// Commits that watches were told.
        package var told: Int
        package var readAndWrittenBytes: Int
        package var toldBytes: Int
    }

    package let nodes: Int
    package let replicas: Int
    package private(set) var phases: [Phase] = []
    private let world: World
    private let wishes: Operator

    /// Replicas of one deployment.
    private static let deploymentSize = 100

    /// Lets a fleet of this size start, lose a hundredth of its machines, and be left alone.
    ///
    /// - Returns: What each of these took; the last is a minute in which nothing happens.
    package static func run(nodes: Int, replicas: Int, seed: UInt64) -> ScaleRun {
        EventLoop.shared.reset(seed: seed)
        var run = ScaleRun(nodes: nodes, replicas: replicas)
        run.measure("start") { $0.start() }
        run.measure("a hundredth of the machines lost") { $0.loseMachines() }
        run.measure("a minute at rest") { $0.world.loop.run(until: $0.world.loop.now + .seconds(60)) }
        run.world.end()
        return run
    }

    private init(nodes: Int, replicas: Int) {
        (self.nodes, self.replicas) = (nodes, replicas)
        world = World()
        let size = min(replicas, Self.deploymentSize)
        wishes = Operator(world, deployments: replicas / size, replicas: size...size)
    }

    private mutating func measure(_ name: String, _ body: (ScaleRun) -> Void) {
        let (before, start, used) = (world.etcd.traffic, world.loop.now, clock())
        body(self)
        let after = world.etcd.traffic
        phases.append(
            Phase(
                name: name, seconds: (world.loop.now - start).seconds,
                cpuSeconds: Double(clock() - used) / Double(CLOCKS_PER_SEC),
                reads: after.reads - before.reads, writes: after.writes - before.writes,
                renewals: after.renewals - before.renewals, told: after.told - before.told,
                readAndWrittenBytes: after.bytes - before.bytes, toldBytes: after.toldBytes - before.toldBytes))
    }

    private func start() {
        for front in 0..<2 {
            world.startFront(front)
            wishes.tell(world.fronts[front])
        }
        for _ in 0..<nodes { world.startWorker() }
        settle()
    }

    private func loseMachines() {
        for worker in world.livingWorkers.prefix(max(nodes / 100, 1)) { world.kill(worker) }
        settle()
    }

    /// Lets time go on until all replicas are ready on workers that live, and the fronts know them.
    private func settle() {
        while !isSettled { world.loop.run(until: world.loop.now + .milliseconds(100)) }
    }

    private var isSettled: Bool {
        let ready = world.livingWorkers.reduce(0) { $0 + $1.host.readyCounts.values.reduce(0, +) }
        let living = Set(world.livingWorkers.map(\.process.name))
        guard ready == replicas, living.isSuperset(of: world.auditor.store.assignments.keys) else { return false }
        return world.fronts.allSatisfy { front in
            front.catalog.all.reduce(0) { sum, deployment in
                sum + (deployment.snapshot.wanted.places.values.flatMap(\.replicas.values).reduce(0, +))
            } == replicas
        }
    }
}
