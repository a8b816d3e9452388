import MantaCore
import Synchronization

/// Names requests in queues. One counter for all: only equality and order matter.
private let nextID = Atomic<UInt64>(0)

/// A request, or a part of one, that waits for its outputs. Resolved exactly once, by whoever comes first.
final class PendingInference: Sendable {
    /// The outputs wanted, and where the time went.
    struct Outcome: Sendable {
        var outputs: [Tensor]
        var timing: InferenceTiming
    }

    private enum State: Sendable {
        case open
        case awaited(Waiter)
        case resolved(Result<Outcome, ServingError>)
    }

    /// A task that waits until there is an answer.
    ///
    /// Its continuation isn't checked, which would cost an object for each request and has a layout that the compiler
    /// doesn't know. It is resumed once: who resumes it has first put `resolved` in the place of `awaited`, or never put
    /// `awaited` there.
    @safe private struct Waiter: Sendable {
        private let continuation: UnsafeContinuation<Void, Never>

        init(_ continuation: UnsafeContinuation<Void, Never>) {
            unsafe self.continuation = continuation
        }

        func resume() {
            unsafe continuation.resume()
        }
    }

    /// Names it in the queue. Those made later have larger ones.
    let id = nextID.add(1, ordering: .relaxed).newValue
    /// One tensor for each input of the model, `nil` for an optional one left out.
    let inputs: [Tensor?]
    /// The indices of the outputs wanted.
    let outputs: [Int]
    /// The size of its inputs along the dimension that is padded, where one is.
    let length: Int?
    /// Whether it is a copy of a client's request, which nobody counts.
    let isCopy: Bool
    /// Where it belongs in its caller's trace.
    let trace: TraceContext?
    private let state = Mutex(State.open)

    init(
        inputs: [Tensor?], outputs: [Int], length: Int? = nil, isCopy: Bool = false, trace: TraceContext? = nil
    ) {
        (self.inputs, self.outputs, self.length, self.isCopy) = (inputs, outputs, length, isCopy)
        self.trace = trace
    }

    /// Rows of its inputs, which all have the same; 0 for a model without inputs.
    var rowCount: Int { inputs.rowCount }

    /// Gives the answer. Nothing happens if there is one already.
    func resolve(_ result: Result<Outcome, ServingError>) {
        let waiting: Waiter? = state.withLock { state in
            switch state {
            case .open:
                state = .resolved(result)
                return nil
            case .awaited(let waiter):
                state = .resolved(result)
                return waiter
            case .resolved:
                return nil
            }
        }
        waiting?.resume()
    }

    /// Waits until there is an answer. To be called once.
    func wait() async {
        await unsafe withUnsafeContinuation { continuation in
            let waiter = unsafe Waiter(continuation)
            let isResolved = state.withLock { state in
                if case .resolved = state { return true }
                state = .awaited(waiter)
                return false
            }
            if isResolved { waiter.resume() }
        }
    }

    /// The answer.
    ///
    /// - Precondition: ``wait()`` has returned.
    var answer: Result<Outcome, ServingError> {
        state.withLock { state in
            guard case .resolved(let result) = state else { preconditionFailure("there is no answer yet") }
            return result
        }
    }
}

extension [Tensor?] {
    /// How many rows inputs have: the first that is given says so.
    var rowCount: Int { lazy.compactMap(\.self).first?.rowCount ?? 0 }
}
