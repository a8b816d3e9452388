import MantaFleet
import MantaTime

/// One course of events from a seed.
package struct Simulation {
    /// What came of one.
    package struct Report: Sendable {
        package var seed: UInt64
        package var violations: [String]
        /// Of all that happened: the same seed gives the same.
        package var digest: UInt64
        package var answered: Int
        package var failed: Int
    }

    /// Faults begin then, and are over then.
    private static let faults = (start: Instant.origin + .seconds(20), end: Instant.origin + .seconds(65))
    /// As long as it takes until all is well again, whatever happened.
    private static let end = faults.end + .seconds(60)

    /// Lets a small fleet live for two minutes, things go wrong in the middle.
    ///
    /// - Parameters:
    ///   - seed: What all chance comes from.
    ///   - reader: Told all that happens.
    /// - Returns: What came of it.
    package static func run(seed: UInt64, telling reader: ((String) -> Void)? = nil) -> Report {
        let loop = EventLoop.shared
        loop.reset(seed: seed)
        loop.chronicle.reader = reader
        let world = World()
        // In some worlds the load changes, and replicas follow it.
        let followsLoad = seed % 5 == 4
        let wishes = Operator(
            world, deployments: loop.random.number(1...3), replicas: 1...3, followsLoad: followsLoad)
        for _ in 0..<loop.random.number(2...5) { world.startWorker() }
        let clients = Clients(world, wishes, until: end, comesInWaves: followsLoad)
        for front in 0..<loop.random.number(1...3) {
            world.startFront(front)
            wishes.tell(world.fronts[front])
            clients.start(at: front)
        }
        loop.run(until: faults.start)
        let things = Faults(world, wishes, until: faults.end)
        things.plan(loop.random.number(0...8))
        for _ in 0..<loop.random.number(0...4) {
            loop.after(loop.random.duration(.zero, .seconds(40))) {
                wishes.change()
                world.auditor.requests.changed = wishes.changed
            }
        }
        loop.run(until: end)
        world.checkConvergence(wishes)
        let report = Report(
            seed: seed, violations: world.auditor.violations, digest: loop.chronicle.digest,
            answered: world.auditor.requests.successes, failed: world.auditor.requests.failures)
        world.end()
        return report
    }
}
