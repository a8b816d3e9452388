import MantaCore
import MantaTime
import Synchronization

/// A replica on another server: how it is, and what it has of ours.
final class RemoteTarget: Sendable {
    private struct State: Sendable {
        var health: RemoteHealth
        var activity: RemoteActivity
        var lanes: Set<Int> = []
        /// Those that stand for a replica: as many as there are may ask for a batch, or have one. The others are spare.
        var engaged: Set<Int> = []
        var isRemoved = false
        var lastSuccess: Instant?
    }

    let address: RemoteAddress
    private let state: Mutex<State>
    private let time: any TimeSource

    init(_ address: RemoteAddress, time: any TimeSource) {
        self.address = address
        self.time = time
        state = Mutex(
            State(health: RemoteHealth(at: time.now), activity: RemoteActivity(address: address, at: time.now)))
    }

    var activity: RemoteActivity { state.withLock { $0.activity } }

    var isRemoved: Bool { state.withLock { $0.isRemoved } }

    /// When it may be tried; `nil` if it isn't out.
    var nextTry: Instant? {
        state.withLock { if case .out(let until) = $0.health.state { until } else { nil } }
    }

    /// Whether it has proved itself since it was out last.
    var isIn: Bool { state.withLock { $0.health.state == .isIn } }

    /// When it ran a batch last.
    var lastSuccess: Instant? { state.withLock { $0.lastSuccess } }

    func connected() { update { $0.health.connected() } }

    func began(_ requests: Int) { state.withLock { $0.activity.ongoing += requests } }

    func ended(_ requests: Int) { state.withLock { $0.activity.ongoing -= requests } }

    func succeeded() {
        update {
            $0.activity.batches += 1
            $0.lastSuccess = time.now
            $0.health.succeeded(at: time.now)
        }
    }

    /// It has failed, and another replica has run a batch last then. Returns the lanes that are to end, if it is out now.
    func failed(_ failure: RemoteFailure, lastSuccess: Instant?) -> Set<Int> {
        let now = time.now
        return state.withLock { state in
            let wasOut = state.activity.outage != nil
            let couldTake = if case .out = state.health.state { false } else { true }
            state.health.failed(
                failure.kind, lastSuccess: lastSuccess, at: now, jitter: time.jitter())
            guard case .out = state.health.state else { return [] }
            state.activity.isIn = false
            if !wasOut { state.activity.outages += 1 }
            state.activity.outage = .init(reason: failure.message, since: state.activity.outage?.since ?? now)
            // Those that were told once know.
            return couldTake ? state.lanes : []
        }
    }

    /// Those that serve.
    var lanes: Set<Int> { state.withLock { $0.lanes } }

    /// How many replicas it has, if somebody said so.
    var replicas: Int? { state.withLock { $0.activity.replicas } }

    /// It has so many replicas. Returns the lanes that are to end, if that is another number than before.
    func setReplicas(_ count: Int) -> Set<Int> {
        state.withLock { state in
            guard state.activity.replicas != count else { return [] }
            state.activity.replicas = count
            return state.lanes.count == count + 1 ? [] : state.lanes
        }
    }

    /// It is given no more. Returns the lanes that are to end.
    func remove() -> Set<Int> {
        state.withLock { state in
            state.isRemoved = true
            return state.lanes
        }
    }

    /// A lane begins, unless it came too late.
    func open(_ lane: Int) -> Bool {
        state.withLock { state in
            if case .out = state.health.state { return false }
            guard !state.isRemoved else { return false }
            state.lanes.insert(lane)
            return true
        }
    }

    func close(_ lane: Int) {
        state.withLock { state in
            state.lanes.remove(lane)
            state.engaged.remove(lane)
        }
    }

    /// A lane is about to ask for a batch. Returns whether there is a replica that would have nothing to do without it.
    func asks(_ lane: Int) -> Bool {
        state.withLock { state in
            state.engaged.remove(lane)
            if let replicas = state.activity.replicas, state.engaged.count >= replicas { return false }
            state.engaged.insert(lane)
            return true
        }
    }

    /// A lane was given a batch.
    func took(_ lane: Int) { state.withLock { _ = $0.engaged.insert(lane) } }

    private func update(_ body: (inout State) -> Void) {
        state.withLock { state in
            body(&state)
            if case .out = state.health.state { return }
            guard !state.activity.isIn else { return }
            (state.activity.isIn, state.activity.outage, state.activity.changedAt) = (true, nil, time.now)
        }
    }
}
