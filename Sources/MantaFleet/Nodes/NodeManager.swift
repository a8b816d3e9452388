package import Logging
package import MantaRuntime
package import MantaTime
import Synchronization

/// Has as many workers started as there are to be, on behalf of the node that leads.
///
/// What there is to be is decided together with what is placed; a provider is asked for it beside that, so that one that
/// doesn't answer holds nothing up.
package final class NodeManager: Sendable {
    /// Somebody else may have asked the provider for another number.
    private static let lookInterval = Duration.seconds(15)
    private static let delays = BackoffDelays(first: .seconds(1), longest: .seconds(60))

    private struct State {
        var scaler: NodeScaler
        /// Whether this node leads.
        var leads = false
        /// How many workers the provider was asked for, as far as is known.
        var count: Int?
        /// How many there are to be, and why; `nil` until that is decided.
        var wanted: (count: Int, reason: String)?
        /// Why the provider can't be asked.
        var fault: NodeProviderError?
        /// What was logged of those who wait.
        var told: [String: Prospect] = [:]
    }

    private let provider: any NodeProvider
    private let configuration: NodeScaler.Configuration
    private let logger: Logger
    private let time: any TimeSource
    private let state: Mutex<State>
    private let pokes = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    package init(
        _ provider: any NodeProvider, _ configuration: NodeScaler.Configuration, logger: Logger,
        time: any TimeSource = MachineTime()
    ) {
        (self.provider, self.configuration, self.logger, self.time) = (provider, configuration, logger, time)
        state = Mutex(State(scaler: NodeScaler(configuration)))
    }

    // MARK: - Decisions

    /// Another node leads: nothing is asked for any more.
    func follow() {
        state.withLock { $0 = State(scaler: NodeScaler(configuration), count: $0.count) }
    }

    /// Takes workers that are to go for ones that drain, which they are told to soon: nothing is placed there any more.
    func cordon(_ fleet: inout FleetState) {
        guard let count = state.withLock({ $0.wanted?.count }) else { return }
        for (id, record) in fleet.nodes where provider.number(of: record).map({ $0 >= count }) == true {
            fleet.nodes[id]?.isDraining = true
        }
    }

    /// Decides how many workers there are to be, and says of each replica without a place what becomes of it.
    ///
    /// - Parameters:
    ///   - result: What is to be in the store.
    ///   - fleet: What is there.
    ///   - now: The present.
    func decide(_ result: inout FleetPlan.Result, fleet: FleetState, at now: Instant) {
        let load = NodeLoad(result, fleet: fleet, provider: provider)
        let (decision, news) = state.withLock { state -> (NodeScaler.Decision?, [String: Prospect]) in
            state.leads = true
            guard let count = state.count else { return (nil, [:]) }
            let decision = state.scaler.decide(
                .init(count: count, workers: load.workers, waiting: load.waiting), at: now)
            state.wanted = (decision.count, decision.reason ?? "")
            let news = decision.prospects.filter { state.told[$0.key] != $0.value }
            state.told = decision.prospects
            return (decision, news)
        }
        for (group, prospect) in news.sorted(by: { $0.key < $1.key }) where prospect != .coming {
            logger.warning(
                "Replicas have no place, and no worker can be started for them",
                metadata: ["group": "\(group)", "reason": "\(prospect)"])
        }
        let fault = state.withLock { $0.fault }.map { "no worker can be started: \($0)" }
        for group in Set(load.waiting.map(\.group)) {
            let prospect = decision?.prospects[group]
            let note = prospect == nil || prospect == .coming ? fault ?? prospect?.description : prospect?.description
            if let note { load.note(note, of: group, in: &result) }
        }
        pokes.continuation.yield()
    }

    // MARK: - Actions

    /// Asks the provider for what is decided, until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { [time, pokes] in
                repeat {
                    pokes.continuation.yield()
                } while (try? await time.sleep(until: time.now + Self.lookInterval)) != nil
            }
            var (looked, failures): (Instant?, Int) = (nil, 0)
            for await _ in pokes.stream {
                let (leads, count, wanted) = state.withLock { ($0.leads, $0.count, $0.wanted) }
                let isDue = looked.map { time.now - $0 >= Self.lookInterval } ?? true
                guard leads, isDue || wanted.map({ $0.count != count }) == true else { continue }
                do throws(NodeProviderError) {
                    try await act()
                    (looked, failures) = (time.now, 0)
                } catch {
                    await failed(error)
                    try? await time.sleep(until: time.now + Self.delays.delay(after: failures))
                    failures += 1
                }
            }
            group.cancelAll()
        }
    }

    private func act() async throws(NodeProviderError) {
        let present = try await provider.count()
        let wanted = state.withLock { state in
            // What was decided of another number is decided anew.
            if state.count != present { state.wanted = nil }
            (state.count, state.fault) = (present, nil)
            return state.wanted
        }
        guard let wanted, wanted.count != present else { return }
        try await provider.setCount(wanted.count, from: present)
        state.withLock { $0.count = wanted.count }
        logger.info(
            wanted.count > present ? "Workers are started" : "Workers are ended",
            metadata: [
                "by": "\(provider.name)", "from": "\(present)", "to": "\(wanted.count)", "reason": "\(wanted.reason)",
            ])
    }

    private func failed(_ error: NodeProviderError) async {
        let isNew = state.withLock { state in
            defer { state.fault = error }
            return state.fault != error
        }
        guard isNew else { return }
        logger.warning("Workers can't be started or stopped", metadata: ["reason": "\(error)"])
    }
}
