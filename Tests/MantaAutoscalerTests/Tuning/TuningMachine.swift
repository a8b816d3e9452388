import MantaAutoscaler
import MantaTestKit

#if canImport(Glibc)
    import Glibc
#endif

/// A server with replicas of several threads, in virtual time. A value: a copy goes its own way.
///
/// A free replica takes at once what waits. A replica that is taken away ends its run first.
struct TuningMachine {
    /// Who asks.
    enum Load {
        /// So many clients, each of which asks again when it has its answer and has thought for so long.
        case closed(clients: Int, thinking: Double = 0)
        /// So many requests a second, at random, whatever the server does.
        case open(rate: Double)
    }

    /// Seconds of a run, by the setting and the replicas that are busy with it.
    typealias Cost = @Sendable (_ lanes: Lanes, _ busy: Int) -> Double

    var load: Load
    var cost: Cost
    /// What everything takes longer by, at a time.
    var drift: @Sendable (Double) -> Double = { _ in 1 }
    /// The share of runs that fail.
    var failures: @Sendable (Lanes) -> Double = { _ in 0 }
    private(set) var lanes: Lanes
    private(set) var now = 0.0
    private(set) var answered = 0
    private(set) var seconds = 0.0
    private(set) var failed = 0
    /// When each run ends, and when the request came; the next to end last.
    private var runs: [(end: Double, arrived: Double, fails: Bool)] = []
    /// When those who will ask do; the next last.
    private var arrivals: [Double]
    private var waiting: [Double] = []
    private var head = 0
    private var random: SeededGenerator

    init(_ load: Load, lanes: Lanes, seed: UInt64, cost: @escaping Cost) {
        (self.load, self.lanes, self.cost) = (load, lanes, cost)
        random = SeededGenerator(seed: seed)
        switch load {
        case .closed(let clients, _): arrivals = Array(repeating: 0, count: clients)
        case .open: arrivals = [0]
        }
    }

    var ongoing: Int { waiting.count - head + runs.count }

    var sample: TuningSample {
        TuningSample(inForce: lanes, answered: answered, seconds: seconds, failed: failed, ongoing: ongoing)
    }

    /// From the next run on.
    mutating func use(_ lanes: Lanes) { self.lanes = lanes }

    /// More clients ask.
    mutating func add(clients: Int) {
        for _ in 0..<clients { ask(at: now) }
    }

    /// Lets time pass.
    mutating func run(to end: Double) {
        while true {
            dispatch()
            let arrival = arrivals.last ?? .infinity
            let finish = runs.last?.end ?? .infinity
            now = min(arrival, finish, end)
            if now == end { return }
            if finish <= arrival { finishRun() } else { arrive(at: arrival) }
        }
    }

    private mutating func finishRun() {
        let run = runs.removeLast()
        if run.fails {
            failed += 1
        } else {
            answered += 1
            seconds += now - run.arrived
        }
        if case .closed(_, let thinking) = load { ask(at: now + thinking) }
    }

    private mutating func arrive(at time: Double) {
        arrivals.removeLast()
        waiting.append(time)
        if case .open(let rate) = load { ask(at: now - log(Double.random(in: 1e-12..<1, using: &random)) / rate) }
    }

    private mutating func ask(at time: Double) {
        var place = arrivals.count
        while place > 0, arrivals[place - 1] < time { place -= 1 }
        arrivals.insert(time, at: place)
    }

    private mutating func dispatch() {
        while head < waiting.count, runs.count < lanes.replicas {
            let noise = exp(
                0.15 * (Double.random(in: -1...1, using: &random) + Double.random(in: -1...1, using: &random)))
            let time = cost(lanes, runs.count + 1) * noise * drift(now)
            let fails = Double.random(in: 0..<1, using: &random) < failures(lanes)
            var place = runs.count
            while place > 0, runs[place - 1].end < now + time { place -= 1 }
            runs.insert((now + time, waiting[head], fails), at: place)
            head += 1
        }
        if head > 512, head * 2 > waiting.count {
            waiting.removeFirst(head)
            head = 0
        }
    }
}
