import MantaTime

/// Changes that follow each other closely and are told as one. A value.
struct ChangeBurst {
    /// How long nothing happens after a burst.
    static let quiet = Duration.milliseconds(200)
    /// How long a burst may take.
    static let longest = Duration.seconds(2)

    private var began: Instant?
    /// When the burst is over if nothing more happens; `nil` if there is none.
    private(set) var end: Instant?

    /// Something has changed. Returns whether a burst begins with it.
    mutating func changed(at now: Instant) -> Bool {
        let isFirst = began == nil
        let began = began ?? now
        self.began = began
        end = min(now + Self.quiet, began + Self.longest)
        return isFirst
    }

    /// Whether there was a burst and it is over: then there is none any more.
    mutating func isOver(at now: Instant) -> Bool {
        guard let end, now >= end else { return false }
        self = ChangeBurst()
        return true
    }
}
