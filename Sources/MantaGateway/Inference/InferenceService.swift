package import MantaCore
package import MantaServing
package import MantaSharedMemory

/// The data plane behind every protocol: one request in, one reply out, counted once.
package struct InferenceService: Sendable {
    private let catalog: ModelCatalog
    private let memory: SharedMemory?
    private let time: any TimeSource

    /// A data plane over these models.
    ///
    /// - Parameters:
    ///   - catalog: The models.
    ///   - memory: The memory that clients share; `nil` if they may not.
    ///   - time: The clock.
    package init(catalog: ModelCatalog, memory: SharedMemory? = nil, time: any TimeSource = MachineTime()) {
        self.catalog = catalog
        self.memory = memory
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
        let target: Target
        do throws(ServingError) {
            target = try deployment.target(version)
        } catch {
            let ended = time.now
            deployment.metrics(version)?
                .recordRequest(code: error.code.description, duration: ended - started, at: ended)
            throw error
        }
        do throws(ServingError) {
            let (request, schedule) = try decode(target.signature)
            let finish = OutputFinish(request.outputs, memory: memory)
            try finish.check(against: target.signature)
            let response = try await deployment.infer(request, schedule: schedule, at: target)
            let answered = time.now
            let reply = try encode(try finish(response, signature: target.signature))
            let ended = time.now
            target.metrics.recordEncode(ended - answered)
            target.metrics.recordRequest(code: "ok", duration: ended - started, at: ended)
            return reply
        } catch {
            let ended = time.now
            target.metrics.recordRequest(code: error.code.description, duration: ended - started, at: ended)
            throw error
        }
    }
}
