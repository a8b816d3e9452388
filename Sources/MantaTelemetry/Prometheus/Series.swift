import CoreMetrics
import Synchronization

/// One line, or one histogram, of the metrics: a name with one set of labels.
protocol Series: AnyObject, Sendable {
    /// What Prometheus calls its kind.
    var kind: String { get }
    /// Its lines, without the metric's name.
    func lines(labels: Labels) -> [String]
}

/// A metric's labels, rendered once.
struct Labels: Hashable {
    /// `model="digits",version="1"`, without braces.
    let text: String

    init(_ pairs: [(String, String)]) {
        text = pairs.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
    }

    func braced(adding extra: String = "") -> String {
        let all = [text, extra].filter { !$0.isEmpty }.joined(separator: ",")
        return all.isEmpty ? "" : "{\(all)}"
    }

    /// As the exposition format asks for: backslash, quote and line feed are escaped.
    private static func escaped(_ value: String) -> String {
        var result = ""
        for character in value {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}

/// A number as Prometheus reads it: whole numbers without a fraction.
func prometheusNumber(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
}

/// Only grows.
final class CounterSeries: Series, CounterHandler {
    private let value = Atomic<Int64>(0)
    let kind = "counter"

    func increment(by amount: Int64) { value.add(amount, ordering: .relaxed) }
    func reset() { value.store(0, ordering: .relaxed) }
    func lines(labels: Labels) -> [String] { ["\(labels.braced()) \(value.load(ordering: .relaxed))"] }
}

/// Goes up and down.
final class GaugeSeries: Series, MeterHandler, RecorderHandler {
    private let value = Mutex(0.0)
    let kind = "gauge"

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
    func lines(labels: Labels) -> [String] { ["\(labels.braced()) \(prometheusNumber(value.withLock { $0 }))"] }
}

/// Counts values by size class.
final class HistogramSeries: Series, RecorderHandler, TimerHandler {
    /// For times: from 0.1 ms, a small model's run, to 10 s, the default deadline; each 2 to 2.5 times the last.
    static let secondBounds = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    /// For counts such as rows in a batch: powers of two.
    static let sizeBounds: [Double] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]

    private struct Counts {
        var buckets: [Int]
        var sum = 0.0
    }

    let kind = "histogram"
    private let bounds: [Double]
    private let counts: Mutex<Counts>

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = Mutex(Counts(buckets: Array(repeating: 0, count: bounds.count + 1)))
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        // A handful of bounds: a loop beats a binary search.
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        counts.withLock {
            $0.buckets[bucket] += 1
            $0.sum += value
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) * 1e-9) }

    func lines(labels: Labels) -> [String] {
        let counts = counts.withLock { $0 }
        var total = 0
        var lines: [String] = []
        for (bound, count) in zip(bounds + [.infinity], counts.buckets) {
            total += count
            lines.append("_bucket\(labels.braced(adding: "le=\"\(prometheusNumber(bound))\"")) \(total)")
        }
        lines.append("_sum\(labels.braced()) \(prometheusNumber(counts.sum))")
        lines.append("_count\(labels.braced()) \(total)")
        return lines
    }
}
