import MantaAutoscaler
import MantaTime
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// What a run costs, by the kind of model and machine.
private enum Model: String, CaseIterable {
    /// Twice the threads take half the time.
    case parallel
    /// Threads change nothing.
    case serial
    /// Threads make it slower.
    case contended
    /// A fifth of a run can't be shared among threads.
    case partly
    /// A third of the CPUs saturate the memory.
    case memoryBound
    /// Replicas are in each other's way.
    case crowded

    func cost(cpus: Int, run: Double) -> TuningMachine.Cost {
        switch self {
        case .parallel: { lanes, _ in run / Double(lanes.threads) }
        case .serial: { _, _ in run }
        case .contended: { lanes, _ in run * (1 + 0.3 * Double(lanes.threads - 1)) }
        case .partly: { lanes, _ in run * (0.2 + 0.8 / Double(lanes.threads)) }
        case .memoryBound:
            { lanes, busy in
                let demand = Double(busy * lanes.threads) / max(1, Double(cpus) / 3)
                return run / Double(lanes.threads) * max(1, demand)
            }
        case .crowded:
            { lanes, busy in run * (0.3 + 0.7 / Double(lanes.threads)) * (1 + 3 * Double(busy - 1) / Double(cpus)) }
        }
    }
}

struct TuningScenario: CustomTestStringConvertible, Sendable {
    let name: String
    let cpus: Int
    let seed: UInt64
    let load: TuningMachine.Load
    let cost: TuningMachine.Cost
    var drift: @Sendable (Double) -> Double = { _ in 1 }

    var testDescription: String { "\(name), \(cpus) CPUs, seed \(seed)" }
    var start: Lanes { Lanes(replicas: cpus, threads: 1) }

    func machine(_ lanes: Lanes) -> TuningMachine {
        var machine = TuningMachine(load, lanes: lanes, seed: seed, cost: cost)
        machine.drift = drift
        return machine
    }

    /// How good a setting is when it is always in force: requests a second where clients wait, else one by the mean time.
    func merit(_ lanes: Lanes) -> Double {
        var machine = TuningMachine(load, lanes: lanes, seed: seed &+ 1, cost: cost)
        if case .closed = load {
            machine.run(to: 20)
            return Double(machine.answered) / 20
        }
        machine.run(to: 200)
        // What doesn't keep up has most of its time still to come.
        return machine.ongoing > 200 ? 0 : Double(machine.answered) / machine.seconds
    }

    /// Every setting there is on few CPUs; on many, threads and replicas in steps of less than a quarter.
    var everySetting: [Lanes] {
        let steps = sequence(first: 1) { $0 + max(1, $0 / 5) }.prefix { $0 <= cpus }
        let counts = Set(steps + [cpus, cpus / 2]).filter { $0 > 0 }
        return counts.flatMap { threads in
            counts.filter { $0 * threads <= cpus }.map { Lanes(replicas: $0, threads: threads) }
        }
    }

    /// Runs are the longer the more CPUs there are, so that all have about as many requests to go by.
    static let all: [TuningScenario] = [2, 6, 16, 64].flatMap { cpus in
        Model.allCases.enumerated().flatMap { index, model in
            let run = 0.01 * Double(cpus).squareRoot() * (cpus > 16 ? 4 : 2)
            let cost = model.cost(cpus: cpus, run: run)
            let fixed = max(1, Double(cpus) / 3)
            let loads: [(String, TuningMachine.Load)] = [
                ("one client", .closed(clients: 1)), ("clients for every CPU", .closed(clients: cpus)),
                ("open", .open(rate: 0.5 * fixed / run)), ("three clients for every CPU", .closed(clients: 3 * cpus)),
                ("clients that think", .closed(clients: cpus, thinking: run)),
                ("open, light", .open(rate: 0.1 * fixed / run)),
            ]
            return loads.prefix(cpus > 6 ? 3 : 6).map { name, load in
                TuningScenario(
                    name: "\(model), \(name)", cpus: cpus, seed: UInt64(cpus * 10 + index), load: load, cost: cost)
            }
        }
    }
}

/// A tuner and a machine that it tunes, look by look.
struct TuningRun {
    var machine: TuningMachine
    var tuner: Tuner
    private(set) var notes: [String] = []
    private let start = Instant.now

    init(_ scenario: TuningScenario) {
        machine = scenario.machine(scenario.start)
        tuner = Tuner(cpus: scenario.cpus, start: scenario.start)
    }

    /// Lets time pass, with a look at it each tenth of a second.
    mutating func run(for seconds: Double) {
        let end = machine.now + seconds
        while machine.now < end {
            machine.run(to: min(machine.now + 0.1, end))
            guard let step = tuner.tick(machine.sample, at: start + .nanoseconds(Int64(machine.now * 1e9))) else {
                continue
            }
            notes += step.notes.map { "\(Int(machine.now)) s: \($0)" }
            if let lanes = step.use { machine.use(lanes) }
        }
    }
}

@Suite("A tuner, simulated", .timeLimit(.minutes(10)))
struct TuningSimulationTests {
    @Test(
        "it comes within 5 % of an exhaustive search in ten minutes, and requests hardly notice the search",
        arguments: TuningScenario.all)
    func search(scenario: TuningScenario) {
        var run = TuningRun(scenario)
        var fixed = scenario.machine(scenario.start)
        run.run(for: 600)
        fixed.run(to: 100)

        let best = scenario.everySetting.map { ($0, scenario.merit($0)) }.max { $0.1 < $1.1 } ?? (scenario.start, 0)
        let notes = run.notes.joined(separator: "\n")
        #expect(scenario.merit(run.tuner.best) >= 0.95 * best.1, "\(run.tuner.best), not \(best.0):\n\(notes)")
        // With few requests a search takes longer, although the best is mostly found early.
        let isSparse = run.machine.answered < 600 * 40
        #expect(notes.contains("stays with") || isSparse, "\(notes)")
        let means = (run.machine.seconds / Double(run.machine.answered), fixed.seconds / Double(fixed.answered))
        #expect(means.0 <= (isSparse ? 1.2 : 1.1) * means.1, "\(notes)")
    }

    @Test("a load and a machine that change all the time mislead it no more than steady ones", arguments: 1...8)
    func drift(seed: UInt64) {
        let cost = Model.partly.cost(cpus: 4, run: 0.02)
        let scenario = TuningScenario(
            name: "drift", cpus: 4, seed: seed, load: .closed(clients: 2), cost: cost,
            drift: { 1 + 0.4 * sin($0 / 7) })
        var run = TuningRun(scenario)
        run.run(for: 600)

        #expect(run.tuner.best == Lanes(replicas: 2, threads: 2), "\(run.notes.joined(separator: "\n"))")
    }

    @Test("a setting under which requests fail is left within the second, and tried again ever later")
    func failures() {
        let cost = Model.parallel.cost(cpus: 4, run: 0.02)
        var run = TuningRun(
            TuningScenario(name: "failures", cpus: 4, seed: 1, load: .closed(clients: 1), cost: cost))
        run.machine.failures = { $0.threads > 1 ? 0.5 : 0 }
        run.run(for: 3600)

        #expect(run.tuner.best.threads == 1)
        let bad = run.tuner.trials.filter { $0.outcome == .bad && $0.lanes == Lanes(replicas: 2, threads: 2) }
        let gaps = zip(bad, bad.dropFirst()).map { ($1.at - $0.at).seconds }
        #expect(gaps.count >= 2)
        #expect(zip(gaps, gaps.dropFirst()).allSatisfy { $0 < $1 }, "\(gaps)")
        #expect(run.machine.failed < 100)
    }

    @Test("when the load becomes another one, it looks for the best setting again")
    func otherLoad() {
        let cost = Model.partly.cost(cpus: 4, run: 0.02)
        var run = TuningRun(TuningScenario(name: "load", cpus: 4, seed: 1, load: .closed(clients: 1), cost: cost))
        run.run(for: 300)
        #expect(run.tuner.best == Lanes(replicas: 1, threads: 4))

        run.machine.add(clients: 15)
        run.run(for: 300)
        #expect(run.tuner.best == Lanes(replicas: 4, threads: 1), "\(run.notes.joined(separator: "\n"))")
    }

    @Test("a candidate isn't blamed for a machine that becomes slow while it is tried")
    func acquittal() {
        let cost = Model.parallel.cost(cpus: 2, run: 0.02)
        var run = TuningRun(TuningScenario(name: "slow", cpus: 2, seed: 1, load: .closed(clients: 1), cost: cost))
        while run.machine.lanes == run.tuner.best { run.run(for: 0.1) }
        run.machine.drift = { _ in 8 }
        run.run(for: 300)
        #expect(run.tuner.trials.first?.outcome == .unclear)
        #expect(run.tuner.best == Lanes(replicas: 1, threads: 2), "\(run.notes.joined(separator: "\n"))")
    }

    @Test("with next to no requests nothing is tried")
    func idle() {
        let cost = Model.parallel.cost(cpus: 4, run: 0.02)
        var run = TuningRun(TuningScenario(name: "idle", cpus: 4, seed: 1, load: .open(rate: 0.2), cost: cost))
        run.run(for: 600)

        #expect(run.tuner.trials.isEmpty)
        #expect(run.tuner.best == Lanes(replicas: 4, threads: 1))
    }
}
