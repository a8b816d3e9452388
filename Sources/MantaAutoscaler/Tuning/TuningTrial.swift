package import MantaTime

/// What came of a setting that a ``Tuner`` tried, or why it didn't.
package struct TuningTrial: Sendable, Hashable {
    /// What was found.
    package enum Outcome: String, Sendable {
        /// It was taken.
        case better
        /// Less than worth a change was gained.
        case noBetter = "no better"
        /// So much was lost that what lies beyond it isn't tried.
        case worse
        /// The trial was broken off, for the sake of the requests.
        case bad
        /// The load changed too much to tell.
        case unclear
        /// It couldn't be tried.
        case failed
    }

    /// When.
    package var at: Instant
    /// What was tried.
    package var lanes: Lanes
    /// What was in force until then.
    package var against: Lanes
    /// What was found.
    package var outcome: Outcome
    /// Why, in a sentence with the numbers that mattered.
    package var reason: String
}
