import MantaCore
import Synchronization

/// A request, or a part of one, that waits for its outputs. Resolved exactly once, by whoever comes first.
final class PendingInference: Sendable {
    /// The outputs wanted, and where the time went.
    struct Outcome: Sendable {
        var outputs: [Tensor]
        var timing: InferenceTiming
    }

    private enum State: Sendable {
        case open
        case awaited(CheckedContinuation<Result<Outcome, ServingError>, Never>)
        case resolved(Result<Outcome, ServingError>)
    }

    /// One tensor for each input of the model, `nil` for an optional one left out.
    let inputs: [Tensor?]
    /// The indices of the outputs wanted.
    let outputs: [Int]
    /// The size of its inputs along the dimension that is padded, where one is.
    let length: Int?
    /// Whether it is a copy of a client's request, which nobody counts.
    let isCopy: Bool
    private let state = Mutex(State.open)

    init(inputs: [Tensor?], outputs: [Int], length: Int? = nil, isCopy: Bool = false) {
        (self.inputs, self.outputs, self.length, self.isCopy) = (inputs, outputs, length, isCopy)
    }

    /// Rows of its inputs, which all have the same; 0 for a model without inputs.
    var rowCount: Int { inputs.lazy.compactMap(\.self).first?.rowCount ?? 0 }

    /// Gives the answer. Nothing happens if there is one already.
    func resolve(_ result: Result<Outcome, ServingError>) {
        let waiting: CheckedContinuation<Result<Outcome, ServingError>, Never>? = state.withLock { state in
            switch state {
            case .open:
                state = .resolved(result)
                return nil
            case .awaited(let continuation):
                state = .resolved(result)
                return continuation
            case .resolved:
                return nil
            }
        }
        waiting?.resume(returning: result)
    }

    /// Waits for the answer. To be called once.
    func result() async -> Result<Outcome, ServingError> {
        await withCheckedContinuation { continuation in
            let answer: Result<Outcome, ServingError>? = state.withLock { state in
                if case .resolved(let result) = state { return result }
                state = .awaited(continuation)
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }
}
