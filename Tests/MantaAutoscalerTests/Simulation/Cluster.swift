import MantaAutoscaler

/// Replicas that take batches from one queue, in virtual time. A value: a copy goes its own way.
///
/// As in the server, a free replica takes at once what waits, up to a full batch. A replica that is added starts for a
/// while before it takes anything, and one that is taken away ends its batch first.
struct Cluster {
    /// What a batch costs, and how long a replica starts.
    struct Model {
        var fixed = 0.1
        var perRow = 0.025
        var maxBatch = 4
        var startUp = 0.04

        func runTime(rows: Int) -> Double { fixed + perRow * Double(rows) }
        /// Rows that one replica can run in a second.
        var capacity: Double { Double(maxBatch) / runTime(rows: maxBatch) }
    }

    private struct Replica {
        var freeAt: Double
        var rows = 0
        var startsAt: Double
        var isLeaving = false
    }

    let model: Model
    /// Requests that wait longer count as late.
    let objective: Double
    private(set) var now = 0.0
    private(set) var started = 0
    private(set) var late = 0
    /// Seconds that replicas were there, starting and leaving ones too.
    private(set) var replicaSeconds = 0.0
    private var replicas: [Replica] = []
    /// Arrival times; those before `head` have left.
    private var waiting: [Double] = []
    private var head = 0
    private var arrived = 0

    init(_ model: Model, objective: Double, replicas count: Int) {
        self.model = model
        self.objective = objective
        replicas = (0..<count).map { _ in Replica(freeAt: 0, startsAt: 0) }
    }

    var queued: Int { waiting.count - head }
    var ongoing: Int { queued + replicas.reduce(0) { $0 + ($1.freeAt > now ? $1.rows : 0) } }
    var oldestWait: Double { queued > 0 ? now - waiting[head] : 0 }
    var wanted: Int { replicas.count { !$0.isLeaving } }
    var ready: Int { replicas.count { !$0.isLeaving && $0.startsAt <= now } }

    /// Adds or takes away replicas. Those that start go first, then those that have nothing to do.
    mutating func scale(to count: Int, startUp: Double? = nil) {
        while wanted > count {
            let candidates = replicas.indices.filter { !replicas[$0].isLeaving }
            let victim = candidates.max { left, right in
                (replicas[left].startsAt, -replicas[left].freeAt) < (replicas[right].startsAt, -replicas[right].freeAt)
            }
            guard let victim else { return }
            replicas[victim].isLeaving = true
        }
        for _ in wanted..<max(count, wanted) {
            let ready = now + (startUp ?? model.startUp)
            replicas.append(Replica(freeAt: ready, startsAt: ready))
        }
        removeThoseThatLeft()
    }

    /// Lets time pass. `arrivals` is in order and the same list in each call.
    mutating func run(to end: Double, arrivals: [Double]) {
        while true {
            dispatch()
            let arrival = arrived < arrivals.count ? arrivals[arrived] : .infinity
            // A free replica waits for an arrival, which is the next event then.
            var next = min(arrival, end)
            for replica in replicas where replica.freeAt > now { next = min(next, replica.freeAt) }
            replicaSeconds += (next - now) * Double(replicas.count)
            now = next
            removeThoseThatLeft()
            if arrival <= now {
                waiting.append(arrival)
                arrived += 1
            } else if now >= end {
                return dispatch()
            }
        }
    }

    private mutating func removeThoseThatLeft() {
        if replicas.contains(where: \.isLeaving) { replicas.removeAll { $0.isLeaving && $0.freeAt <= now } }
    }

    private mutating func dispatch() {
        guard head < waiting.count else { return }
        for index in replicas.indices where replicas[index].freeAt <= now && !replicas[index].isLeaving {
            let rows = min(model.maxBatch, waiting.count - head)
            guard rows > 0 else { break }
            for arrival in waiting[head..<head + rows] where now - arrival > objective { late += 1 }
            head += rows
            started += rows
            replicas[index].rows = rows
            replicas[index].freeAt = now + model.runTime(rows: rows)
        }
        if head > 512, head * 2 > waiting.count {
            waiting.removeFirst(head)
            head = 0
        }
    }
}
