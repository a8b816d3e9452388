public import MantaCore

/// Where a version is in its life.
public enum VersionState: Sendable {
    /// Wanted, not begun. Becomes loading.
    case pending
    /// The engine reads the model. Becomes warming, or failed.
    case loading
    /// Sample inputs run. Becomes ready, or failed.
    case warming
    /// Serves. Becomes draining.
    case ready
    /// Takes no more requests and finishes those it has. Becomes gone.
    case draining
    /// Serves no more.
    case gone
    /// Can't serve, and says why.
    case failed(ServingError)

    /// The word for it in status and metrics.
    public var word: String {
        switch self {
        case .pending: "pending"
        case .loading: "loading"
        case .warming: "warming"
        case .ready: "ready"
        case .draining: "draining"
        case .gone: "gone"
        case .failed: "failed"
        }
    }

    /// Whether it takes requests.
    public var isReady: Bool {
        if case .ready = self { true } else { false }
    }

    /// Why a request can't be served in this state; `nil` if it can.
    func refusal(of model: ModelID) -> ServingError? {
        switch self {
        case .ready: nil
        case .pending, .loading, .warming:
            ServingError(.modelUnavailable, "\(model) is \(word), not ready yet", retryAfter: .seconds(1))
        case .draining, .gone: ServingError(.shuttingDown, "\(model) is \(word)")
        case .failed(let error): ServingError(.modelUnavailable, "\(model) failed: \(error.message)")
        }
    }
}
