import MantaBatching
import MantaCore
import MantaTime

/// A batch for other servers: requests that run together.
struct RemoteWork: Sendable {
    let batch: [QueuedRequest<PendingInference>]
    /// When it was taken from the queue.
    let taken: Instant
    /// The length of its longest request, where inputs are padded.
    let length: Int?
    /// What a server is asked to run.
    let call: RemoteBatch
    /// When it was sent first.
    let sent: Instant

    init(_ batch: [QueuedRequest<PendingInference>], _ form: BatchForm, time: any TimeSource) {
        let requests = batch.map(\.payload)
        self.batch = batch
        taken = time.now
        length = form.length(of: requests)
        call = RemoteBatch(
            signature: form.signature, inputs: form.inputs(of: requests, length: length), outputs: requests[0].outputs,
            timeout: Self.timeLeft(of: batch, at: taken), trace: requests.lazy.compactMap(\.trace).first)
        sent = time.now
    }

    var requests: [PendingInference] { batch.map(\.payload) }

    var rows: Int { batch.reduce(0) { $0 + $1.rows } }

    /// What a server is asked to run that gets it later than the first one.
    func call(at now: Instant) -> RemoteBatch {
        var call = call
        call.timeout = Self.timeLeft(of: batch, at: now)
        return call
    }

    /// Until the last of the requests needs no answer any more.
    private static func timeLeft(of batch: [QueuedRequest<PendingInference>], at now: Instant) -> Duration {
        guard !batch.contains(where: \.runsLate) else { return .seconds(3600) }
        let deadline = batch.map(\.deadline).max() ?? now
        return max(deadline - now, .milliseconds(1))
    }
}
