import Foundation
import MantaAutoscaler
import MantaTestKit

/// A load over time, and what becomes of it under a policy.
struct Scenario: Sendable {
    var name: String
    var seconds: Double
    var seed: UInt64
    var model = Cluster.Model()
    /// How long requests may queue.
    var objective = 0.5
    var allowed = 1...16
    /// When the load changes for good or for the first time.
    var changesAt = 0.0
    /// Load at a time, in replicas that it would keep busy with full batches.
    var load: @Sendable (Double) -> Double

    /// Times of a Poisson process with this load, the same for each policy (thinning, Lewis and Shedler 1979).
    func arrivals() -> [Double] {
        var random = SeededGenerator(seed: seed)
        let peak = stride(from: 0, to: seconds, by: 0.5).map(load).max().map { $0 * model.capacity } ?? 0
        var (time, times) = (0.0, [Double]())
        while true {
            time -= log(1 - Double.random(in: 0..<1, using: &random)) / peak
            guard time < seconds else { return times }
            if Double.random(in: 0..<peak, using: &random) < load(time) * model.capacity { times.append(time) }
        }
    }

    func run(_ policy: some ScalingPolicy, arrivals: [Double]) -> Outcome {
        var policy = policy
        var cluster = Cluster(model, objective: objective, replicas: max(allowed.lowerBound, 1))
        var outcome = Outcome()
        var (tick, seen, longest) = (0, 0, 0.0)
        let ticksPerSecond = Int((1 / policy.interval).rounded())
        while cluster.now < seconds {
            tick += 1
            cluster.run(to: Double(tick) * policy.interval, arrivals: arrivals)
            let before = seen
            while seen < arrivals.count, arrivals[seen] <= cluster.now { seen += 1 }
            let (wanted, count) = (cluster.wanted, policy.count(for: cluster, arrivals: seen - before))
            if count != wanted {
                outcome.changes.append((cluster.now, wanted, count))
                cluster.scale(to: count)
            }
            longest = max(longest, cluster.oldestWait)
            if cluster.oldestWait > objective, cluster.now > changesAt { outcome.lastLate = cluster.now - changesAt }
            guard tick % ticksPerSecond == 0 else { continue }
            outcome.perSecond.append((count, longest))
            longest = 0
        }
        outcome.lateShare = Double(cluster.late + cluster.queued) / Double(max(arrivals.count, 1))
        outcome.replicaSeconds = cluster.replicaSeconds
        return outcome
    }

    /// The replica-seconds of one who knows the future: in each second the fewest replicas, ready at its beginning,
    /// with which at most one in a hundred requests is late and the queue that is left is within the objective.
    func oracle(arrivals: [Double]) -> Double {
        var cluster = Cluster(model, objective: objective, replicas: allowed.lowerBound)
        var (total, passed) = (0.0, 0)
        for second in 1...Int(seconds) {
            let before = passed
            while passed < arrivals.count, arrivals[passed] <= Double(second) { passed += 1 }
            // Fewer can't do, by what a full batch costs and what may be left in the queue.
            let work = Double(passed - before + cluster.queued) / model.capacity - objective * Double(cluster.wanted)
            var fewest = min(max(allowed.lowerBound, Int(work) - 1), allowed.upperBound)
            while true {
                var attempt = cluster
                attempt.scale(to: fewest, startUp: 0)
                attempt.run(to: Double(second), arrivals: arrivals)
                let isGood =
                    (attempt.late - cluster.late) * 100 <= attempt.started - cluster.started
                    && attempt.oldestWait <= objective
                if isGood || fewest == allowed.upperBound {
                    cluster = attempt
                    break
                }
                fewest += 1
            }
            total += Double(fewest)
        }
        return total
    }
}

/// What happened in a scenario.
struct Outcome: Sendable {
    /// The part of requests that queued for longer than the objective.
    var lateShare = 0.0
    /// Seconds from the change of load until no request waited for longer than the objective any more.
    var lastLate = 0.0
    /// Seconds that replicas were there.
    var replicaSeconds = 0.0
    /// When it changed, and to how many.
    var changes: [(at: Double, from: Int, to: Int)] = []
    /// By second: replicas at its end, and the longest wait in it.
    var perSecond: [(replicas: Int, wait: Double)] = []

    /// How often a decrease followed an increase, or an increase a decrease.
    func directionChanges(after start: Double = 0) -> Int {
        let directions = changes.filter { $0.at >= start }.map { ($0.to - $0.from).signum() }
        return zip(directions, directions.dropFirst()).count { $0 != $1 }
    }

    /// Seconds from a time until so many replicas were wanted.
    func time(from start: Double, to count: Int) -> Double? {
        changes.first { $0.at >= start && $0.to >= count }.map { $0.at - start }
    }
}
