public import MantaCore
public import MantaServing

/// The data plane behind every protocol: one request in, one reply out, counted once.
public struct InferenceService: Sendable {
    private let catalog: ModelCatalog
    private let traces: TraceSettings
    private let time: any TimeSource

    /// A data plane over these models.
    package init(
        catalog: ModelCatalog, traces: TraceSettings = TraceSettings(), time: any TimeSource = MachineTime()
    ) {
        self.catalog = catalog
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
    public func infer<Reply>(
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
            trace?.queued(request, at: time.now)
            let response = try await deployment.infer(request, schedule: schedule, at: target)
            let answered = time.now
            trace?.answered(response)
            let reply = try encode(response)
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
