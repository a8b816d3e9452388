package import MantaTime

/// Why a target gets no requests, since when and until when.
package struct Outage: Sendable, Hashable {
    /// What took it out, or kept it out.
    package enum Reason: Sendable, Hashable, CustomStringConvertible {
        /// A connection was refused or reset.
        case broken(TargetFailure)
        /// It failed so many times in a row.
        case failing(Int, last: String)
        /// An answer came, after so long.
        case slow(Duration)
        /// No answer came within so long.
        case silent(Duration)

        /// In words.
        package var description: String {
            switch self {
            case .broken(.refused): "it refused the connection"
            case .broken(.reset): "it reset the connection"
            case .broken(.error(let message)): message.shortened
            case .failing(let count, let last): "\(count) failures in a row, the last: \(last)"
            case .slow(let time): "an answer took \(Int(time.milliseconds)) ms"
            case .silent(let time): "no answer in \(Int(time.milliseconds)) ms"
            }
        }
    }

    /// When it went out.
    package let since: Instant
    /// What took it out, or what its last probe met.
    package let reason: Reason
    /// From when on it may be tried.
    package internal(set) var probeAt: Instant

    /// An outage.
    package init(since: Instant, reason: Reason, probeAt: Instant) {
        (self.since, self.reason, self.probeAt) = (since, reason, probeAt)
    }
}

/// How a target failed a request.
package enum TargetFailure: Sendable, Hashable {
    /// It refused the connection: nothing listens there.
    case refused
    /// It reset the connection: its process has ended.
    case reset
    /// It said that it can't, in these words.
    case error(String)
}
