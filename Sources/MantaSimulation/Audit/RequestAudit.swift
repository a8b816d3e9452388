import MantaCore
import MantaFleet
import MantaTime

/// Requests, and whether those that failed had a reason. A value.
struct RequestAudit {
    struct Request {
        let deployment: String
        let front: String
        let started: Instant
        let timeout: Duration
        let isIdempotent: Bool
        var isHungUp = false
    }

    /// After so long without trouble everything is to be well again: as long as an election and an update take.
    static let recovery = Duration.seconds(25)

    var open: [Int: Request] = [:]
    var troubles: [(trouble: Auditor.Trouble, healthy: [String: Int])] = []
    /// What operators changed last.
    var changed: [String: Instant] = [:]
    private(set) var successes = 0
    private(set) var failures = 0
    /// Deployments that have answered at a front: before that they may still come.
    private var established: [String: Set<String>] = [:]

    /// The groups that have run a request, of those that aren't idempotent. An update is tried with copies on another group.
    private var ran: [Int: Set<String>] = [:]

    mutating func began(_ number: Int, _ request: Request) {
        open[number] = request
        if !request.isIdempotent { ran[number] = [] }
    }

    /// A group runs a request. Returns whether it may.
    mutating func mayRun(_ number: Int, of group: String) -> Bool { ran[number]?.insert(group).inserted ?? true }

    mutating func succeeded(_ request: Request) {
        successes += 1
        established[request.front, default: []].insert(request.deployment)
    }

    mutating func failed(_ request: Request) { failures += 1 }

    /// Whether a deployment has answered at a front.
    func isEstablished(_ deployment: String, at front: String) -> Bool {
        established[front]?.contains(deployment) ?? false
    }

    /// Why nothing excuses that a request failed; `nil` if something does.
    func lacksExcuse(_ request: Request, _ error: ServingError, store: StoreAudit, at now: Instant) -> String? {
        if request.isHungUp { return nil }
        if request.timeout < .seconds(1), [.deadlineExceeded, .overloaded].contains(error.code) { return nil }
        guard isEstablished(request.deployment, at: request.front) else { return nil }
        // What isn't wanted any more.
        guard let record = store.deployments[request.deployment] else { return nil }
        // One that may run only once can't be tried elsewhere.
        if !request.isIdempotent, !troubles.isEmpty { return nil }
        let recent = troubles.filter { $0.trouble.end + Self.recovery >= request.started && $0.trouble.start <= now }
        if recent.isEmpty { return "nothing was wrong" }
        guard recent.count == 1, let (trouble, healthy) = recent.first else { return nil }
        if trouble.processes.contains(request.front) { return nil }
        if let change = changed[request.deployment], change + Self.recovery + .seconds(20) >= trouble.start {
            return nil
        }
        // A replica without trouble was there all the time.
        var hosts = record.groups.map { healthy[$0.name] ?? 0 }.max() ?? 0
        // Where the load asks for few, the one that is left may be with whoever is dead and whose lease isn't over yet.
        if record.scaling != nil {
            hosts = min(hosts, store.fewestReplicas(of: request.deployment, since: trouble.start) - 1)
        }
        return hosts > 0 ? "\(trouble.what), and \(hosts) other workers have it" : nil
    }
}
