/// What becomes of replicas that have no place.
package enum Prospect: Sendable, Hashable, CustomStringConvertible {
    /// They have room once workers join that were asked for.
    case coming
    /// They would have room if there might be more than so many workers.
    case tooFew(most: Int)
    /// No worker that could be started has room for them, and this is why.
    case never(String)

    /// As it follows on what a replica lacks.
    package var description: String {
        switch self {
        case .coming: "a worker that has room is being started"
        case .tooFew(let most): "no worker is started, since there are to be at most \(most)"
        case .never(let reason): "no worker is started, since \(reason)"
        }
    }
}
