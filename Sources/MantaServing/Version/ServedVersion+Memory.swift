import MantaBatching
import MantaCore
import MantaTime
import Synchronization

extension ServedVersion {
    /// A model that had nothing to do for so long gives back what it keeps for runs.
    private static let idleTime = Duration.seconds(2)

    /// Sees to it that what a burst of requests needed doesn't stay with a model that nobody asks any more.
    func giveBackIdleMemory(_ runs: RunSource) async {
        guard runs.current.model.keepsMemory else { return }
        // Warming needed some too.
        var (counted, isKept) = (0, true)
        while (try? await time.sleep(until: time.now + Self.idleTime)) != nil {
            guard let load else { return }
            let isIdle = load.counts.requests == counted && load.queued + load.running == 0
            counted = load.counts.requests
            if isIdle, isKept {
                for replica in mutable.withLock({ $0.replicas.values }) { await replica.giveBackMemory() }
            }
            isKept = !isIdle
        }
    }
}
