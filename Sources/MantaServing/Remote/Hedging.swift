import MantaRuntime
import Synchronization

/// Decides when a batch that is slow to be answered is sent to a second server (Dean and Barroso, "The Tail at Scale",
/// CACM 2013: hedged requests).
final class Hedging: Sendable {
    private struct State: Sendable {
        var times: BatchTimes
        var budget: ShareBudget
    }

    private let state: Mutex<State>

    init(_ configuration: DeploymentConfiguration.Hedge) {
        state = Mutex(
            State(
                times: BatchTimes(percent: configuration.afterPercentile),
                budget: ShareBudget(share: configuration.budget)))
    }

    /// A batch is sent.
    ///
    /// - Returns: How long to wait for its answer before it is sent to another server too; `nil` while that isn't known.
    func began(rows: Int) -> Duration? {
        state.withLock { state in
            state.budget.earn()
            return state.times.percentile(rows: rows)
        }
    }

    /// A batch took so long; one that was given up, at least so long. Those must count, or what is slow would be left out
    /// and the percentile be that of the fast ones alone.
    func took(_ time: Duration, rows: Int) { state.withLock { $0.times.add(time, rows: rows) } }

    /// Whether one more may be sent twice; if so, it counts as sent.
    func maySend() -> Bool { state.withLock { $0.budget.spend() } }

    /// It wasn't sent after all.
    func notSent() { state.withLock { $0.budget.refund() } }
}
