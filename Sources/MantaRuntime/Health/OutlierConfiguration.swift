/// When a remote target counts as out, and for how long.
package struct OutlierConfiguration: Sendable, Hashable {
    /// So many failures in a row take it out. One alone may be the request's fault.
    package var failuresInARow = 5
    /// A target whose usual answers are this many times faster is out. Three times the slowest usual one is far from
    /// chance, and a restarting or stopped process is still noticed soon.
    package var slowFactor = 3
    /// No answer counts as slow before this: so long the scheduler of a busy machine can hold up anyone.
    package var leastPatience = Duration.milliseconds(500)
    /// The same for a target that has never answered, whose usual time isn't known.
    package var firstPatience = Duration.seconds(1)
    /// When it is tried first after it went out, and how much later at most after it failed again and again.
    package var delays = BackoffDelays(first: .milliseconds(100), longest: .seconds(30), jitter: 0.2)
    /// Once it was good for so long, the next time out is a first one again.
    package var recovery = Duration.seconds(60)

    /// The defaults.
    package init() {}
}
