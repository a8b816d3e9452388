import MantaTime

/// What was counted of a version's requests so far. The numbers only grow, but for ``ongoing``.
package struct TuningSample: Sendable, Hashable {
    /// What runs its batches; `nil` while that is being changed.
    package var inForce: Lanes?
    /// Requests that were answered.
    package var answered: Int
    /// The time that they took, from their arrival to their answer, added up.
    package var seconds: Double
    /// Requests that were refused, timed out or failed through no fault of the client.
    package var failed: Int
    /// Those answered that took longer than the objective; 0 if there is none.
    package var late: Int
    /// Requests that run or wait now.
    package var ongoing: Int

    /// What was counted.
    package init(inForce: Lanes?, answered: Int, seconds: Double, failed: Int = 0, late: Int = 0, ongoing: Int = 0) {
        self.inForce = inForce
        self.answered = answered
        self.seconds = seconds
        self.failed = failed
        self.late = late
        self.ongoing = ongoing
    }
}

/// How requests fared in a window of time under one setting.
struct Measurement: Sendable, Hashable {
    /// How long the window was.
    var length = 0.0
    var answered = 0
    /// The time that the answered ones took, added up.
    var seconds = 0.0
    var failed = 0
    var late = 0

    /// Requests answered in a second.
    var rate: Double { Double(answered) / length }
    /// From arrival to answer, on average.
    var meanTime: Double { answered > 0 ? seconds / Double(answered) : 0 }
    /// Requests that ran or waited at a time, on average, by Little's law.
    var ongoing: Double { rate * meanTime }
    var failedShare: Double { Double(failed) / Double(max(answered + failed, 1)) }
    var lateShare: Double { Double(late) / Double(max(answered, 1)) }

    /// Both together, as of one longer window.
    static func + (left: Measurement, right: Measurement) -> Measurement {
        Measurement(
            length: left.length + right.length, answered: left.answered + right.answered,
            seconds: left.seconds + right.seconds, failed: left.failed + right.failed, late: left.late + right.late)
    }

    /// Whether neither the rate nor the time differs by more than a factor. Without requests nothing is alike.
    func isLike(_ other: Measurement, within factor: Double) -> Bool {
        [(rate, other.rate), (meanTime, other.meanTime)].allSatisfy { own, other in
            min(own, other) > 0 && max(own, other) <= factor * min(own, other)
        }
    }

    /// Such as `8.1 ms on average and 123.4 requests a second`.
    var words: String {
        "\((meanTime * 1000).shown) ms on average and \(rate.shown) requests a second"
    }
}

/// A window of time that has begun.
struct MeasuringWindow: Sendable {
    let first: TuningSample
    let startedAt: Instant

    func measurement(until last: TuningSample, at now: Instant) -> Measurement {
        Measurement(
            length: (now - startedAt).seconds, answered: last.answered - first.answered,
            seconds: last.seconds - first.seconds, failed: last.failed - first.failed, late: last.late - first.late)
    }
}

extension Double {
    /// Three figures or so, for people.
    var shown: String {
        let places: Double = self < 10 ? 100 : self < 1000 ? 10 : 1
        let rounded = (self * places).rounded() / places
        return places == 1 ? "\(Int(rounded))" : "\(rounded)"
    }
}
