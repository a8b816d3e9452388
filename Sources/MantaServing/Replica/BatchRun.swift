import MantaCore
import MantaTime

/// Puts the rows of several requests through a model in one run.
struct BatchRun {
    var model: any LoadedModel
    let form: BatchForm
    let time: any TimeSource
    /// Which of the settings that were in force one after the other it is part of.
    var generation = 0

    /// What came of a batch.
    struct Result {
        /// For each request its outputs, in the order of the requests.
        var outputs: [[Tensor]]
        /// When the engine began.
        var started: Instant
        /// The engine's part of the time.
        var run: Duration
        /// The length of the batch, that of its longest request, where inputs are padded.
        var length: Int?
    }

    /// Runs requests of one batch key together.
    ///
    /// - Throws: ``ServingError`` with code `engineFailed`.
    /// - Note: Blocks its thread for the engine's run.
    func callAsFunction(_ requests: [PendingInference]) throws(ServingError) -> Result {
        let length = form.length(of: requests)
        let inputs = form.inputs(of: requests, length: length)
        let started = time.now
        let outputs = try model.run(inputs, outputs: requests[0].outputs)
        let run = time.now - started
        return Result(
            outputs: try form.outputs(outputs, of: requests, length: length), started: started, run: run,
            length: length)
    }
}
