import MantaCore
import MantaTime

/// Puts the rows of several requests through a model in one run.
struct BatchRun {
    let model: any LoadedModel
    let plan: BatchPlan
    let time: any TimeSource

    /// What came of a batch.
    struct Result {
        /// For each request its outputs, in the order of the requests.
        var outputs: [[Tensor]]
        /// When the engine began.
        var started: Instant
        /// The engine's part of the time.
        var run: Duration
    }

    /// Runs requests of one batch key together.
    ///
    /// - Throws: ``ServingError`` with code `engineFailed`.
    /// - Note: Blocks its thread for the engine's run.
    func callAsFunction(_ requests: [PendingInference]) throws(ServingError) -> Result {
        let wanted = requests[0].outputs
        let inputs = joinedInputs(requests)
        let started = time.now
        let outputs = try model.run(inputs, outputs: wanted)
        let run = time.now - started
        let whole = Result(outputs: [outputs], started: started, run: run)
        guard plan.maxRows > 0 else { return whole }
        let rows = requests.map(\.rowCount)
        try checkRows(of: outputs, wanted: wanted, rows: rows.reduce(0, +))
        guard requests.count > 1 else { return whole }
        let parts = outputs.map { $0.splittingRows(rows) }
        return Result(
            outputs: requests.indices.map { request in parts.map { $0[request] } }, started: started, run: run)
    }

    private func joinedInputs(_ requests: [PendingInference]) -> [Tensor?] {
        guard requests.count > 1 else { return requests[0].inputs }
        return requests[0].inputs.indices.map { input in
            requests[0].inputs[input].map { _ in Tensor.joiningRows(requests.compactMap { $0.inputs[input] }) }
        }
    }

    private func checkRows(of outputs: [Tensor], wanted: [Int], rows: Int) throws(ServingError) {
        for (tensor, index) in zip(outputs, wanted) where tensor.rowCount != rows {
            throw ServingError(
                .engineFailed,
                "output \"\(model.signature.outputs[index].name)\" has shape \(tensor.shape) for a batch of \(rows) "
                    + "rows: the model doesn't keep rows apart; set batching.max_batch_size to 0")
        }
    }
}
