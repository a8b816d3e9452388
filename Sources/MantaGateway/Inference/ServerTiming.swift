import MantaCore
import MantaTime

/// The header `Server-Timing` (W3C Server Timing): where the time of an inference went, in milliseconds.
enum ServerTiming {
    /// `queue;dur=0.012, batch;dur=0.003, run;dur=0.310, total;dur=0.402`.
    static func header(_ timing: InferenceTiming, total: Duration) -> String {
        var text = ""
        text.reserveCapacity(80)
        append("queue", timing.queue, to: &text)
        append(", batch", timing.batch, to: &text)
        append(", run", timing.run, to: &text)
        if timing.cache == .hit { append(", cache;desc=hit", timing.lookup, to: &text) }
        append(", total", total, to: &text)
        return text
    }

    private static func append(_ name: String, _ duration: Duration, to text: inout String) {
        let parts = duration.components
        let microseconds = max(0, parts.seconds * 1_000_000 + parts.attoseconds / 1_000_000_000_000)
        text += name
        text += ";dur="
        text += String(microseconds / 1000)
        text += "."
        let fraction = microseconds % 1000
        if fraction < 100 { text += fraction < 10 ? "00" : "0" }
        text += String(fraction)
    }
}
