package import MantaCore
package import MantaServing
package import MantaSharedMemory
package import MantaTime

/// The data plane behind every protocol: one request in, one reply out, counted once.
package final class InferenceService: Sendable {
    private let catalog: ModelCatalog
    private let memory: SharedMemory?
    private let traces: TraceSettings
    private let time: any TimeSource

    /// A data plane over these models.
    ///
    /// - Parameters:
    ///   - catalog: The models.
    ///   - memory: The memory that clients share; `nil` if they may not.
    ///   - traces: Which requests are traced.
    ///   - time: The clock.
    package init(
        catalog: ModelCatalog, memory: SharedMemory? = nil, traces: TraceSettings = TraceSettings(),
        time: any TimeSource = MachineTime()
    ) {
        self.catalog = catalog
        self.memory = memory
        self.traces = traces
        self.time = time
    }

    /// Runs one inference of a protocol.
    ///
    /// - Parameters:
    ///   - model: The model's name.
    ///   - version: The version asked for; `nil` for the highest that is ready.
    ///   - started: When the request arrived, for its total time.
    ///   - decode: Makes the request, given the model's signature, with when and how urgently to run it.
    ///   - encode: Makes the reply in the protocol's form.
    /// - Returns: What `encode` made.
    /// - Throws: ``ServingError``, counted by its code.
    package func infer<Reply>(
        model: String, version: Int?, started: Instant,
        decode: (ModelSignature) throws(ServingError) -> (InferenceRequest, InferenceSchedule),
        encode: (InferenceResponse) throws(ServingError) -> Reply
    ) async throws(ServingError) -> Reply {
        // A short request may copy much out of shared memory, which mustn't hold up the connection's own thread.
        if memory != nil { await Task.yield() }
        let call = try begin(model, version: version, started: started, decode: decode)
        do throws(ServingError) {
            let response = try await call.deployment.infer(call.request, schedule: call.schedule, at: call.target)
            return try finish(call, response, encode: encode)
        } catch {
            failed(call.target.metrics, error, started: started, trace: call.trace)
            throw error
        }
    }

    /// An inference that was read and can run.
    ///
    /// An object, so that the frames of asynchronous functions, which are allocated, hold one word of it.
    private final class Call {
        let deployment: Deployment
        let target: Target
        let request: InferenceRequest
        let schedule: InferenceSchedule
        let finish: OutputFinish
        let started: Instant
        var trace: Trace?

        init(
            _ deployment: Deployment, _ target: Target, _ request: InferenceRequest, _ schedule: InferenceSchedule,
            _ finish: OutputFinish, started: Instant, trace: Trace?
        ) {
            (self.deployment, self.target, self.request) = (deployment, target, request)
            (self.schedule, self.finish, self.started, self.trace) = (schedule, finish, started, trace)
        }
    }

    @inline(never) private func begin(
        _ model: String, version: Int?, started: Instant,
        decode: (ModelSignature) throws(ServingError) -> (InferenceRequest, InferenceSchedule)
    ) throws(ServingError) -> Call {
        let deployment = try catalog.deployment(model)
        var trace = traces.begin(model, version: version, at: started)
        var metrics: VersionMetrics?
        do throws(ServingError) {
            let target = try deployment.target(version)
            metrics = target.metrics
            let (request, schedule) = try decode(target.signature)
            let finish = OutputFinish(request.outputs, memory: memory)
            try finish.check(against: target.signature)
            trace?.queued(request, at: time.now)
            return Call(deployment, target, request, schedule, finish, started: started, trace: trace)
        } catch {
            failed(metrics ?? deployment.metrics(version), error, started: started, trace: trace)
            throw error
        }
    }

    @inline(never) private func finish<Reply>(
        _ call: Call, _ response: InferenceResponse,
        encode: (InferenceResponse) throws(ServingError) -> Reply
    ) throws(ServingError) -> Reply {
        let answered = time.now
        call.trace?.answered(response)
        let reply = try encode(try call.finish(response, signature: call.target.signature))
        let ended = time.now
        if var trace = call.trace {
            trace.ended(at: ended)
            traces.end(trace)
        }
        call.target.metrics.recordEncode(ended - answered)
        call.target.metrics.recordAnswer(duration: ended - call.started, timing: response.timing, at: ended)
        return reply
    }

    private func failed(
        _ metrics: VersionMetrics?, _ error: ServingError, started: Instant, trace: Trace?
    ) {
        let ended = time.now
        if var trace {
            trace.ended(at: ended)
            traces.end(trace)
        }
        metrics?.recordFailure(error.code, duration: ended - started, at: ended)
    }
}
