package import MantaCore
package import MantaServing
package import MantaSharedMemory

/// The data plane behind every protocol: one request in, one reply out, counted once.
package struct InferenceService: Sendable {
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
        model: String, version: Int?, started: ContinuousClock.Instant,
        decode: (ModelSignature) throws(ServingError) -> (InferenceRequest, InferenceSchedule),
        encode: (InferenceResponse) throws(ServingError) -> Reply
    ) async throws(ServingError) -> Reply {
        let deployment = try catalog.deployment(model)
        var trace = traces.begin(model, version: version, at: started)
        defer { if let trace { traces.end(trace) } }
        let target: Target
        do throws(ServingError) {
            target = try deployment.target(version)
        } catch {
            let ended = time.now
            trace?.ended(at: ended)
            deployment.metrics(version)?.recordFailure(error.code, duration: ended - started, at: ended)
            throw error
        }
        do throws(ServingError) {
            let (request, schedule) = try decode(target.signature)
            let finish = OutputFinish(request.outputs, memory: memory)
            try finish.check(against: target.signature)
            trace?.queued(request, at: time.now)
            let response = try await deployment.infer(request, schedule: schedule, at: target)
            let answered = time.now
            trace?.answered(response)
            let reply = try encode(try finish(response, signature: target.signature))
            let ended = time.now
            trace?.ended(at: ended)
            target.metrics.recordEncode(ended - answered)
            target.metrics.recordAnswer(duration: ended - started, timing: response.timing, at: ended)
            return reply
        } catch {
            let ended = time.now
            trace?.ended(at: ended)
            target.metrics.recordFailure(error.code, duration: ended - started, at: ended)
            throw error
        }
    }
}
