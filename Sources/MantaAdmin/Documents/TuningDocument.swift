import MantaAutoscaler
import MantaTelemetry
import MantaTime

/// What a tuner has found, and how.
struct TuningDocument: Encodable {
    struct Setting: Encodable {
        let replicas: Int
        let threads: Int

        init(_ lanes: Lanes) { (replicas, threads) = (lanes.replicas, lanes.threads) }
    }

    struct Trial: Encodable {
        let at: Timestamp
        let lanes: Setting
        let against: Setting
        let outcome: String
        let reason: String
    }

    let state: String
    let best: Setting
    @Nullable var candidate: Setting?
    let reason: String
    let trials: [Trial]

    init(_ tuner: Tuner, clock: WallClock) {
        state = tuner.isSettled ? "settled" : "searching"
        best = Setting(tuner.best)
        reason = tuner.reason
        trials = tuner.trials.map { trial in
            Trial(
                at: clock.timestamp(of: trial.at), lanes: Setting(trial.lanes), against: Setting(trial.against),
                outcome: trial.outcome.rawValue, reason: trial.reason)
        }
        candidate = tuner.candidate.map(Setting.init)
    }
}
