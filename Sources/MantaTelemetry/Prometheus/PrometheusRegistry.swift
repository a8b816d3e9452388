public import CoreMetrics
import Synchronization

/// Keeps the process's metrics and writes them as Prometheus text (exposition format 0.0.4).
///
/// It is a backend of swift-metrics: a counter becomes a counter, a gauge a gauge, and a timer or an aggregating
/// recorder a histogram. Timers count in seconds, as Prometheus wants it.
///
/// ```swift
/// let registry = PrometheusRegistry()
/// MetricsSystem.bootstrap(registry)
/// registry.describe("manta_requests_total", "Inference requests by model, version and outcome.")
/// let text = registry.render()
/// ```
public final class PrometheusRegistry: MetricsFactory {
    private struct State {
        var series: [String: [Labels: any Series]] = [:]
        var help: [String: String] = [:]
        var collectors: [@Sendable () -> [Sample]] = []
    }

    private let state = Mutex(State())

    /// An empty registry.
    public init() {}

    /// The help text of a metric. A metric without one is shown without.
    public func describe(_ name: String, _ help: String) {
        state.withLock { $0.help[name] = help }
    }

    /// Gauges whose values are read when the metrics are.
    public func collect(_ collector: @escaping @Sendable () -> [Sample]) {
        state.withLock { $0.collectors.append(collector) }
    }

    /// All metrics as text, ordered by name.
    public func render() -> String {
        let (series, help, collectors) = state.withLock { ($0.series, $0.help, $0.collectors) }
        var families = series.mapValues { family -> (kind: String, lines: [String]) in
            let sorted = family.sorted { $0.key.text < $1.key.text }
            return (sorted[0].value.kind, sorted.flatMap { $0.value.lines(labels: $0.key) })
        }
        for sample in collectors.flatMap({ $0() }) {
            let line = "\(sample.name)\(Labels(sample.labels).braced()) \(prometheusNumber(sample.value))"
            families[sample.name, default: (sample.kind.rawValue, [])].lines.append(line)
        }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            if let help = help[name] { text += "# HELP \(name) \(help)\n" }
            text += "# TYPE \(name) \(family.kind)\n"
            for line in family.lines { text += (line.hasPrefix(name) ? line : name + line) + "\n" }
        }
        return text
    }

    private func series<S: Series>(_ label: String, _ dimensions: [(String, String)], make: () -> S) -> S {
        let labels = Labels(dimensions)
        return state.withLock { state in
            if let existing = state.series[label]?[labels] as? S { return existing }
            let new = make()
            state.series[label, default: [:]][labels] = new
            return new
        }
    }

    // MARK: - MetricsFactory

    /// A counter.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions) { CounterSeries() }
    }

    /// A histogram if it aggregates, else a gauge.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return series(label, dimensions) { GaugeSeries() } }
        return series(label, dimensions) { HistogramSeries(bounds: HistogramSeries.sizeBounds) }
    }

    /// A gauge.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions) { GaugeSeries() }
    }

    /// A histogram of seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions) { HistogramSeries(bounds: HistogramSeries.secondBounds) }
    }

    /// Counters live as long as the process, as Prometheus expects.
    public func destroyCounter(_: any CounterHandler) {}

    /// Recorders live as long as the process.
    public func destroyRecorder(_: any RecorderHandler) {}

    /// Meters live as long as the process.
    public func destroyMeter(_: any MeterHandler) {}

    /// Timers live as long as the process.
    public func destroyTimer(_: any TimerHandler) {}
}

/// One value read when the metrics are.
public struct Sample: Sendable {
    /// What Prometheus calls the kind of a metric.
    public enum Kind: String, Sendable {
        case gauge, counter
    }

    /// The metric's name.
    public var name: String
    /// Counter or gauge.
    public var kind: Kind
    /// The labels, in the order to write.
    public var labels: [(String, String)]
    /// The value now.
    public var value: Double

    /// A value of the metric of this name.
    public init(_ name: String, _ kind: Kind = .gauge, labels: [(String, String)] = [], value: Double) {
        self.name = name
        self.kind = kind
        self.labels = labels
        self.value = value
    }
}
