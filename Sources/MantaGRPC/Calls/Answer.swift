import Synchronization

/// The result of a call's work, or what is told in its place: whatever is given first.
final class Answer<Reply: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Result<Reply, any Error>, Never>)
        case given(Result<Reply, any Error>)
    }

    private let state = Mutex(State.open)

    /// Gives the result, unless there is one.
    func give(_ result: Result<Reply, any Error>) {
        let waiter = state.withLock { state -> CheckedContinuation<Result<Reply, any Error>, Never>? in
            if case .given = state { return nil }
            defer { state = .given(result) }
            guard case .awaited(let waiter) = state else { return nil }
            return waiter
        }
        waiter?.resume(returning: result)
    }

    /// Waits for the result. To be called once.
    func value() async -> Result<Reply, any Error> {
        await withCheckedContinuation { continuation in
            let result = state.withLock { state -> Result<Reply, any Error>? in
                if case .given(let result) = state { return result }
                state = .awaited(continuation)
                return nil
            }
            if let result { continuation.resume(returning: result) }
        }
    }
}

extension Result where Failure == any Error {
    /// What `body` returns or throws.
    init(of body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
