import MantaCore
import MantaTime

/// Puts the rows of several requests through a model in one run.
struct BatchRun {
    var model: any LoadedModel
    let plan: BatchPlan
    /// What is filled up so that requests of different lengths can share a batch.
    var padding: PaddingPlan?
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
        let wanted = requests[0].outputs
        let length = padding == nil ? nil : requests.lazy.compactMap(\.length).max()
        let inputs = joinedInputs(requests, length: length)
        let started = time.now
        let outputs = try model.run(inputs, outputs: wanted)
        let run = time.now - started
        let whole = Result(outputs: [outputs], started: started, run: run, length: length)
        guard plan.maxRows > 0 else { return whole }
        let rows = requests.map(\.rowCount)
        try checkRows(of: outputs, wanted: wanted, rows: rows.reduce(0, +))
        if let padding, let length { try check(outputs, wanted: wanted, padding, length: length) }
        guard requests.count > 1 else { return whole }
        let parts = outputs.map { $0.splittingRows(rows) }
        var result = whole
        result.outputs = requests.indices.map { request in parts.map { $0[request] } }
        if let padding { cut(&result.outputs, of: requests, wanted: wanted, padding) }
        return result
    }

    private func joinedInputs(_ requests: [PendingInference], length: Int?) -> [Tensor?] {
        guard requests.count > 1 else { return requests[0].inputs }
        return requests[0].inputs.indices.map { input in
            requests[0].inputs[input].map { _ in
                let parts = requests.compactMap { $0.inputs[input] }
                guard let padding, let length else { return .joiningRows(parts) }
                return padding.joiningRows(parts, input: input, length: length)
            }
        }
    }

    /// What was filled up is no answer to anybody.
    private func cut(
        _ outputs: inout [[Tensor]], of requests: [PendingInference], wanted: [Int], _ padding: PaddingPlan
    ) {
        for (request, pending) in requests.enumerated() {
            guard let length = pending.length else { continue }
            for (index, output) in wanted.enumerated() where !padding.following[output].isEmpty {
                outputs[request][index] = outputs[request][index].cutting(padding.following[output], to: length)
            }
        }
    }

    private func check(
        _ outputs: [Tensor], wanted: [Int], _ padding: PaddingPlan, length: Int
    ) throws(ServingError) {
        for (tensor, index) in zip(outputs, wanted) {
            guard let fault = padding.fault(in: tensor, of: index, length: length) else { continue }
            throw ServingError(
                .engineFailed,
                "output \"\(model.signature.outputs[index].name)\" can't be cut to a request's own length: \(fault)")
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
