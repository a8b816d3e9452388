import MantaCore

/// Puts the rows of several requests together for one run, and takes its outputs apart again.
struct BatchForm: Sendable {
    let signature: ModelSignature
    let plan: BatchPlan
    /// What is filled up so that requests of different lengths can share a batch.
    var padding: PaddingPlan?

    /// The length of a batch, that of its longest request, where inputs are padded.
    func length(of requests: [PendingInference]) -> Int? {
        padding == nil ? nil : requests.lazy.compactMap(\.length).max()
    }

    /// The inputs of a batch.
    func inputs(of requests: [PendingInference], length: Int?) -> [Tensor?] {
        guard requests.count > 1 else { return requests[0].inputs }
        return requests[0].inputs.indices.map { input in
            requests[0].inputs[input].map { _ in
                let parts = requests.compactMap { $0.inputs[input] }
                guard let padding, let length else { return .joiningRows(parts) }
                return padding.joiningRows(parts, input: input, length: length)
            }
        }
    }

    /// For each request its outputs, in the order of the requests.
    ///
    /// - Throws: ``ServingError`` with code `engineFailed` if the outputs aren't of the batch's rows or length.
    func outputs(
        _ outputs: [Tensor], of requests: [PendingInference], length: Int?
    ) throws(ServingError) -> [[Tensor]] {
        guard plan.maxRows > 0 else { return [outputs] }
        let wanted = requests[0].outputs
        let rows = requests.map(\.rowCount)
        try checkRows(of: outputs, wanted: wanted, rows: rows.reduce(0, +))
        if let padding, let length { try check(outputs, wanted: wanted, padding, length: length) }
        guard requests.count > 1 else { return [outputs] }
        let parts = outputs.map { $0.splittingRows(rows) }
        var split = requests.indices.map { request in parts.map { $0[request] } }
        if let padding { cut(&split, of: requests, wanted: wanted, padding) }
        return split
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
                "output \"\(signature.outputs[index].name)\" can't be cut to a request's own length: \(fault)")
        }
    }

    private func checkRows(of outputs: [Tensor], wanted: [Int], rows: Int) throws(ServingError) {
        for (tensor, index) in zip(outputs, wanted) where tensor.rowCount != rows {
            throw ServingError(
                .engineFailed,
                "output \"\(signature.outputs[index].name)\" has shape \(tensor.shape) for a batch of \(rows) "
                    + "rows: the model doesn't keep rows apart; set batching.max_batch_size to 0")
        }
    }
}
