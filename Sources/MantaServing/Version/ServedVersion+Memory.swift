import MantaBatching
import MantaCore
import MantaTime
import Synchronization

/// How often a model of this process gave back memory after it had something to do.
///
/// The allocator keeps memory for the thread that took it. So threads of other models may hold what was freed by this one
/// since they gave back themselves.
private let returns = Atomic(0)

extension ServedVersion {
    /// A model that had nothing to do for so long gives back what it keeps for runs.
    private static let idleTime = Duration.seconds(2)

    /// Sees to it that what a burst of requests needed doesn't stay with a model that nobody asks any more.
    func giveBackIdleMemory(_ runs: RunSource) async {
        guard runs.current.model.keepsMemory else { return }
        // Warming needed some too.
        var (counted, isKept, seen) = (0, true, 0)
        while (try? await time.sleep(until: time.now + Self.idleTime)) != nil {
            guard let load else { return }
            let isIdle = load.counts.requests == counted && load.queued + load.running == 0
            counted = load.counts.requests
            defer { isKept = !isIdle }
            guard isIdle, isKept || returns.load(ordering: .relaxed) != seen else { continue }
            if isKept { returns.add(1, ordering: .relaxed) }
            seen = returns.load(ordering: .relaxed)
            for replica in mutable.withLock({ $0.replicas.values }) { await replica.giveBackMemory() }
        }
    }
}
