import MantaTime

/// How long answers usually take: the smoothed mean and deviation by which TCP learns when to send again (RFC 6298).
struct AnswerTime: Sendable {
    private var mean: Duration?
    private var deviation = Duration.zero

    /// An answer took so long.
    mutating func add(_ time: Duration) {
        guard let mean else {
            (self.mean, deviation) = (time, time / 2)
            return
        }
        let difference = time > mean ? time - mean : mean - time
        deviation = (deviation * 3 + difference) / 4
        self.mean = (mean * 7 + time) / 8
    }

    /// What the slowest usual answers take; `nil` until there was one.
    var slowest: Duration? { mean.map { $0 + deviation * 4 } }
}
