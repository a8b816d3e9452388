import MantaBatching
import MantaCore
import MantaTime
import Synchronization

/// Runs copies of live requests through a new instance, one at a time, so that it can be judged before clients depend on
/// it. What doesn't fit is not copied: a trial never holds up a request.
final class TrialRun: Sendable {
    private let candidate: ServedVersion
    private let baseline: ServedVersion
    private let rollout: DeploymentConfiguration.Rollout
    private let objective: Duration?
    private let time: any TimeSource
    /// Whether the last copy waits for its answer yet, or found nobody to give it.
    private let isUndecided = Atomic(false)
    private let samples = AsyncStream.makeStream(of: InferenceRequest.self, bufferingPolicy: .bufferingOldest(1))

    init(
        of candidate: ServedVersion, against baseline: ServedVersion, rollout: DeploymentConfiguration.Rollout,
        time: any TimeSource
    ) {
        self.candidate = candidate
        self.baseline = baseline
        self.rollout = rollout
        self.objective = candidate.configuration.objective
        self.time = time
    }

    /// A request that was answered. Kept if the trial has nothing to do now.
    func offer(_ request: InferenceRequest) { samples.continuation.yield(request) }

    /// Ends the trial early, with what is known by then.
    func end() { samples.continuation.finish() }

    /// Tries the instance until enough requests came or the time for it is over.
    ///
    /// - Returns: Why it isn't fit for service; `nil` if it is, as far as the trial tells.
    func run() async -> String? {
        if !rollout.allowsSignatureChange, let new = candidate.signature, let old = baseline.signature,
            let difference = new.obstacle(toServingClientsOf: old)
        {
            return "\(difference); set rollout.allow_signature_change to true if that is meant"
        }
        // What follows is mostly like what was before it, and has its load to take at once.
        if let sizer = baseline.sizer { candidate.live?.batcher.begin(with: sizer.choice.rows) }
        let (start, busyBefore) = (time.now, baseline.busy)
        var trial = Trial(requests: rollout.trialRequests, objective: objective)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.wait()
                self.end()
            }
            for await request in samples.stream {
                await put(request, through: &trial)
                if trial.isOver { break }
            }
            end()
            group.cancelAll()
        }
        let elapsed = (time.now - start).seconds * Double(max(1, baseline.replicas.count))
        let load = elapsed > 0 ? min(1, (baseline.busy - busyBefore).seconds / elapsed) : 0
        return trial.fault(load: load)
    }

    /// Waits until its time is over. While there was nobody to run a copy, what serves goes on and the trial with it.
    private func wait() async {
        repeat {
            guard (try? await time.sleep(until: time.now + rollout.trialTime)) != nil else { return }
        } while isUndecided.load(ordering: .relaxed) && baseline.canAnswer
    }

    private func put(_ request: InferenceRequest, through trial: inout Trial) async {
        isUndecided.store(true, ordering: .relaxed)
        do throws(ServingError) {
            guard let response = try await candidate.infer(request, isCopy: true) else { return }
            trial.passed(
                .init(
                    elapsed: response.timing.run + response.timing.batch,
                    expected: baseline.sizer?.curve.expectedTime(rows: response.timing.batchRows)))
        } catch {
            // That nobody was there to run it says nothing of the model.
            if error.code.isOfReplicas { return }
            // Requests for other tensors are wrong now; that was meant.
            if error.code != .invalidRequest || !rollout.allowsSignatureChange { trial.failed(error) }
        }
        isUndecided.store(false, ordering: .relaxed)
    }
}

extension ServingError.Code {
    /// Whether it is about the replicas, not about the model.
    fileprivate var isOfReplicas: Bool {
        [.deadlineExceeded, .modelUnavailable, .overloaded, .shuttingDown, .cancelled].contains(self)
    }
}

extension ServedVersion {
    /// How long its replicas have worked, together.
    fileprivate var busy: Duration { replicas.reduce(.zero) { $0 + $1.busy } }

    /// Whether it serves, and has a replica for that.
    fileprivate var canAnswer: Bool { state.isReady && live?.remote?.outage == nil }
}
