import MantaCore
import Synchronization

/// What the replicas of a version run batches with: a model that can be exchanged, from one batch to the next, for the
/// same one with other threads.
///
/// At most two models are held: that in force, and a spare one.
final class RunSource: Sendable {
    /// The model that isn't in force.
    enum Spare: Sendable {
        case none
        case loading(threads: Int)
        case ready(any LoadedModel, threads: Int)
        case failed(threads: Int, reason: String)

        var threads: Int? {
            switch self {
            case .none: nil
            case .loading(let threads), .ready(_, let threads), .failed(let threads, _): threads
            }
        }
    }

    private struct State: Sendable {
        var run: BatchRun
        var threads: Int
        var spare = Spare.none
        /// What nobody needs any more. To free a model takes time, so not just any thread should do it.
        var bin: [any LoadedModel] = []

        mutating func setSpare(_ new: Spare) {
            if case .ready(let model, _) = spare { bin.append(model) }
            spare = new
        }
    }

    private let state: Mutex<State>

    /// A source with a model whose runs have so many threads.
    init(_ run: BatchRun, threads: Int) {
        state = Mutex(State(run: run, threads: threads))
    }

    /// What the next batch runs with.
    var current: BatchRun { state.withLock { $0.run } }

    /// Threads within each run.
    var threads: Int { state.withLock { $0.threads } }

    var spare: Spare { state.withLock { $0.spare } }

    /// Whether nothing was exchanged since.
    func isInForce(_ run: BatchRun) -> Bool { state.withLock { $0.run.generation == run.generation } }

    /// There is to be a spare model with so many threads, in the place of the one that there is.
    ///
    /// - Returns: Whether it has to be loaded; false if that is being done, or was.
    func wantSpare(threads: Int) -> Bool {
        state.withLock { state in
            guard state.spare.threads != threads else { return false }
            state.setSpare(.loading(threads: threads))
            return true
        }
    }

    /// A spare model was loaded, or couldn't be. It counts if it is still wanted.
    func loaded(_ new: Spare) {
        state.withLock { state in
            if case .loading(new.threads) = state.spare {
                state.spare = new
            } else if case .ready(let model, _) = new {
                state.bin.append(model)
            }
        }
    }

    /// No spare model is needed. Returns whether there was one.
    func dropSpare() -> Bool {
        state.withLock { state in
            defer { state.setSpare(.none) }
            return state.spare.threads != nil
        }
    }

    /// Frees what nobody needs any more.
    ///
    /// - Note: Blocks its thread.
    func emptyBin() {
        let bin = state.withLock { state in
            defer { state.bin = [] }
            return state.bin
        }
        _ = bin
    }

    /// Another setting is in force from the next batch on.
    ///
    /// - Returns: Whether there is a model with so many threads. If not, nothing changes.
    func use(threads: Int) -> Bool {
        state.withLock { state in
            if threads != state.threads {
                guard case .ready(let model, threads) = state.spare else { return false }
                state.spare = .ready(state.run.model, threads: state.threads)
                state.run.model = model
                state.threads = threads
            }
            state.run.generation += 1
            return true
        }
    }
}
