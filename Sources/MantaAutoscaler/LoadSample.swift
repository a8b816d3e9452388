import MantaTime

/// The load of a deployment, as measured at one time.
///
/// Counts come from what there is at that time (the queue, the batches that run), never from counters that two places
/// add to and take from: such counts drift.
public struct LoadSample: Sendable, Hashable {
    /// Requests that run or wait now.
    public var ongoing: Int
    /// Those of them that wait.
    public var queued: Int
    /// How long the oldest of those that wait has waited; zero if none does.
    public var queueWait: Duration
    /// Requests that came since the sample before, accepted or not.
    public var arrivals: Int
    /// Those of them that were refused since the queue was full.
    public var refused: Int
    /// Replicas that are ready to run batches.
    public var replicas: Int
    /// How many requests a batch of the size in force holds: 1 if the model isn't batched.
    public var requestsPerBatch: Double
    /// How long such a batch runs; `nil` while none has run.
    public var runTime: Duration?

    /// What was measured.
    public init(
        ongoing: Int, queued: Int, queueWait: Duration = .zero, arrivals: Int = 0, refused: Int = 0, replicas: Int,
        requestsPerBatch: Double = 1, runTime: Duration? = nil
    ) {
        self.ongoing = ongoing
        self.queued = queued
        self.queueWait = queueWait
        self.arrivals = arrivals
        self.refused = refused
        self.replicas = replicas
        self.requestsPerBatch = requestsPerBatch
        self.runTime = runTime
    }

    /// Whether these numbers can be. Others are not decided by.
    var isPlausible: Bool {
        min(ongoing, queued, arrivals, refused, replicas) >= 0 && requestsPerBatch.isFinite && requestsPerBatch > 0
            && Self.plausibleTimes.contains(queueWait) && Self.plausibleTimes.contains(runTime ?? .zero)
    }

    private static let plausibleTimes = Duration.zero...(.seconds(86_400))

    /// Requests that one replica can answer in a second if its batches are full.
    var capacity: Double? {
        guard let runTime, runTime > .zero else { return nil }
        return requestsPerBatch / runTime.seconds
    }

    /// In how many seconds the newest of those that wait will have its turn, or how many the oldest has waited if that
    /// is more: a queue that grows fast shows in the first long before it does in the second.
    var expectedWait: Double {
        guard let capacity, replicas > 0 else { return queueWait.seconds }
        return max(queueWait.seconds, Double(queued) / (capacity * Double(replicas)))
    }
}
