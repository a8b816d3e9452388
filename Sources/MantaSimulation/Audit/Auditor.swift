import MantaCore
import MantaFleet
import MantaStore
import MantaTime

/// Watches over a world, and says what must not have happened. Unchecked Sendable: see ``EventLoop``.
final class Auditor: @unchecked Sendable {
    /// Something that went wrong in the world, for which requests may fail.
    struct Trouble {
        let what: String
        /// Workers that are at fault.
        let processes: Set<String>
        let start: Instant
        let end: Instant
    }

    private let loop = EventLoop.shared
    private(set) var violations: [String] = []
    var store = StoreAudit()
    var requests = RequestAudit()

    func violated(_ rule: String, _ what: String) {
        loop.chronicle.write("VIOLATION: \(rule): \(what)", at: loop.now)
        violations.append("\(rule): \(what)")
    }

    // MARK: - The store

    func wrote(_ commit: Commit) {
        for (rule, what) in store.wrote(commit, at: loop.now) { violated(rule, what) }
    }

    func hosts(_ replicas: [String: Int], on node: String) {
        for what in store.hosts(replicas, on: node) { violated("a healthy replica is stopped by a leader only", what) }
    }

    // MARK: - Requests

    func trouble(_ trouble: Trouble, healthy: [String: Int]) { requests.troubles.append((trouble, healthy)) }

    func began(_ number: Int, _ request: RequestAudit.Request) { requests.began(number, request) }

    /// A replica of a group runs requests of these numbers.
    func runs(_ numbers: [Int], of group: String) {
        for number in numbers where !requests.mayRun(number, of: group) {
            violated("what may run once runs once", "request \(number) on \(group)")
        }
    }

    func hungUp(_ number: Int) { requests.open[number]?.isHungUp = true }

    /// A request has ended.
    ///
    /// - Parameters:
    ///   - number: The request's.
    ///   - outcome: The number that came back and the version that gave it, or what went wrong.
    ///   - versions: Those that may answer.
    func ended(
        _ number: Int, _ outcome: Result<(number: Int, version: Int)?, ServingError>, of versions: Set<Int>
    ) {
        guard let request = requests.open.removeValue(forKey: number) else {
            return violated("no request is answered twice", "request \(number)")
        }
        switch outcome {
        case .success(let answer):
            loop.chronicle.write("\(request.front): \(number) answered", at: loop.now)
            guard answer?.number == number else {
                return violated("replies aren't crossed", "request \(number) got the answer of \(answer?.number ?? -1)")
            }
            guard let answer, versions.contains(answer.version) else {
                return violated("what is broken never answers", "request \(number) to \(request.deployment)")
            }
            requests.succeeded(request)
        case .failure(let error):
            loop.chronicle.write("\(request.front): \(number) failed: \(error.message)", at: loop.now)
            requests.failed(request)
            if let why = requests.lacksExcuse(request, error, store: store, at: loop.now) {
                violated(
                    "no request fails without a reason",
                    "request \(number) to \(request.deployment) at \(request.front): \(error.message) (\(why))")
            }
        }
    }
}
