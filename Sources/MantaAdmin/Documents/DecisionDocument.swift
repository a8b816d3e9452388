import MantaAutoscaler
import MantaCore
import MantaTelemetry
import MantaTime

/// A decision of the autoscaler, with what led to it.
struct DecisionDocument: Encodable {
    struct Inputs: Encodable {
        let ongoing: Double
        let queued: Int
        let replicas: Int
        let targetOngoingRequests: Double
        let queueWaitMs: Double
        let targetQueueWaitMs: Double
        let arrivalsPerSecond: Double
        @Nullable var capacityPerSecond: Double?
    }

    let at: Timestamp
    let version: Int
    let from: Int
    let to: Int
    let reason: String
    let inputs: Inputs

    init(_ decision: Decision, version: Int, clock: WallClock) {
        at = clock.timestamp(of: decision.at)
        self.version = version
        from = decision.from
        to = decision.to
        reason = decision.reason
        let inputs = decision.inputs
        self.inputs = Inputs(
            ongoing: inputs.ongoing, queued: inputs.queued, replicas: inputs.replicas,
            targetOngoingRequests: inputs.targetOngoingRequests, queueWaitMs: inputs.queueWait.milliseconds,
            targetQueueWaitMs: inputs.targetQueueWait.milliseconds, arrivalsPerSecond: inputs.arrivalsPerSecond,
            capacityPerSecond: inputs.capacityPerSecond)
    }
}
