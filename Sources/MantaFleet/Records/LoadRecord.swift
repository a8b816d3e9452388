import FoundationEssentials
import MantaStore

/// How much the deployments have to do that follow their load, as one front sees it.
struct LoadRecord: Codable, Sendable, Equatable {
    /// What keys of these records begin with. Nobody reads them but the leader, so they aren't among what all fronts
    /// follow.
    static let prefix = "load/"

    /// The load of one deployment: that of its busiest version.
    struct Load: Codable, Sendable, Equatable {
        /// Requests that run or wait, on average.
        var ongoing = 0.0
        /// Those that wait.
        var queued = 0
        /// How long the oldest of them waits.
        var queueWait = Duration.zero
        /// Requests that come in a second.
        var arrivals = 0.0
        /// Those of them that are refused.
        var refused = 0.0
        var requestsPerBatch = 1.0
        /// How long a batch takes; `nil` while that isn't known.
        var runTime: Duration?
    }

    /// By deployment, of those that have any.
    var loads: [String: Load] = [:]

    /// What a front's entry says; `nil` if it can't be read.
    static func read(_ entry: Entry) -> LoadRecord? {
        try? JSONDecoder().decode(LoadRecord.self, from: Data(entry.value))
    }
}
