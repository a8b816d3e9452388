package import MantaTime

/// Decides how many workers there are to be: by the resources that replicas wait for and by workers that have nothing to
/// do, as Ray's autoscaler does, never by how busy CPUs are. A value.
///
/// Workers are numbered from 0, and of many the last one goes first: a StatefulSet knows no other way.
///
/// - **Up.** What waits is packed, the largest first, onto workers that were asked for and haven't joined, then onto
///   further ones, up to the most that there may be. All that are needed are asked for at once.
/// - **Never.** What an empty worker couldn't take starts nothing, and is told why.
/// - **Down.** The last worker goes once it has had nothing to do for the idle time. What waits for a worker that hasn't
///   joined is something to do, however long that takes.
///
/// ```swift
/// let decision = scaler.decide(.init(count: 2, workers: [0: first, 1: second], waiting: demands), at: time.now)
/// decision.count      // how many workers there are to be
/// decision.prospects  // what becomes of those who wait
/// ```
package struct NodeScaler: Sendable {
    /// What doesn't change.
    package struct Configuration: Sendable, Hashable {
        /// How many workers there may be.
        package var count: ClosedRange<Int>
        /// How long a worker has had nothing to do when it goes.
        package var idleTime: Duration
        /// What a worker has, as long as none has joined and said it.
        package var shape: Shape

        /// Between so many workers, each of which has this.
        package init(count: ClosedRange<Int>, idleTime: Duration, shape: Shape) {
            (self.count, self.idleTime, self.shape) = (count, idleTime, shape)
        }
    }

    /// What a worker has for replicas.
    package struct Shape: Sendable, Hashable {
        /// What there is on an empty one.
        package var resources: Resources
        /// What operators say of it.
        package var labels: [String: String]

        /// A worker that has this.
        package init(_ resources: Resources, labels: [String: String] = [:]) {
            (self.resources, self.labels) = (resources, labels)
        }
    }

    /// A worker that has joined.
    package struct Worker: Sendable, Hashable {
        /// What it has.
        package var shape: Shape
        /// Whether it hosts something that needs it.
        package var isBusy: Bool

        /// A worker with this shape.
        package init(_ shape: Shape, isBusy: Bool) {
            (self.shape, self.isBusy) = (shape, isBusy)
        }
    }

    /// How things are.
    package struct Situation: Sendable, Hashable {
        /// How many workers were asked for.
        package var count: Int
        /// Those of them that have joined, by number.
        package var workers: [Int: Worker]
        /// Replicas that have no place on any node.
        package var waiting: [Demand]

        /// So many workers, of which these have joined, and what has no place.
        package init(count: Int, workers: [Int: Worker], waiting: [Demand]) {
            (self.count, self.workers, self.waiting) = (count, workers, waiting)
        }
    }

    /// What is to be.
    package struct Decision: Sendable, Hashable {
        /// How many workers there are to be.
        package var count: Int
        /// Why that is another number than it was; `nil` if it isn't.
        package var reason: String?
        /// What becomes of replicas that wait, by group.
        package var prospects: [String: Prospect]
    }

    private let configuration: Configuration
    /// Since when workers have had nothing to do, by number.
    private var idleSince: [Int: Instant] = [:]

    /// Hasn't seen any worker yet.
    package init(_ configuration: Configuration) {
        self.configuration = configuration
    }

    /// Decides.
    package mutating func decide(_ situation: Situation, at now: Instant) -> Decision {
        let (fewest, most) = (configuration.count.lowerBound, configuration.count.upperBound)
        let count = min(max(situation.count, fewest), most)
        let last = situation.workers.filter { $0.key < situation.count }.max { $0.key < $1.key }
        var packing = WorkerPacking(
            of: last?.value.shape ?? configuration.shape, coming: (0..<count).filter { situation.workers[$0] == nil },
            further: count..<most)
        packing.add(situation.waiting)
        note(situation, count: count, needed: packing.used, at: now)
        var decision = Decision(count: count, prospects: packing.prospects)
        if let furthest = packing.used.max(), furthest >= count {
            decision.count = furthest + 1
            decision.reason = "replicas wait for room: \(packing.list)"
        } else if situation.count < count {
            decision.reason = "there are to be at least \(fewest)"
        } else if situation.count > count {
            decision.reason = "there are to be at most \(most)"
        } else if count > fewest, let since = idleSince[count - 1], now - since >= configuration.idleTime {
            decision.count = count - 1
            decision.reason = "the last one has had nothing to do for \(Int(configuration.idleTime.seconds)) s"
        }
        return decision
    }

    private mutating func note(_ situation: Situation, count: Int, needed: Set<Int>, at now: Instant) {
        idleSince = idleSince.filter { $0.key < count }
        for number in 0..<count {
            let isIdle = situation.workers[number]?.isBusy != true && !needed.contains(number)
            idleSince[number] = isIdle ? idleSince[number] ?? now : nil
        }
    }
}
