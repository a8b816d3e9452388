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
///
/// A metric has a bounded number of series, whatever its labels are made of: those beyond the bound count together, in
/// one series whose labels all say `other`. A series goes when each of those who made it has destroyed it, so that what
/// is gone isn't shown for ever.
public final class PrometheusRegistry: Sendable {
    /// One series, and how many made it.
    private struct Entry {
        let series: any Series
        var owners: Int
    }

    private struct State {
        var families: [String: [Labels: Entry]] = [:]
        /// Where the series of a handler is.
        var places: [ObjectIdentifier: (name: String, labels: Labels)] = [:]
        var help: [String: String] = [:]
        var collectors: [@Sendable () -> [Sample]] = []
    }

    private let state = Mutex(State())
    private let maxSeries: Int

    /// An empty registry.
    ///
    /// - Parameter maxSeries: How many series a metric may have before further ones count together. The default is a
    ///   few hundred versions with all their outcomes.
    public init(maxSeries: Int = 2000) {
        self.maxSeries = maxSeries
    }

    /// The help text of a metric. A metric without one is shown without.
    public func describe(_ name: String, _ help: String) {
        state.withLock { $0.help[name] = help }
    }

    /// Samples that are read when the metrics are.
    public func collect(_ collector: @escaping @Sendable () -> [Sample]) {
        state.withLock { $0.collectors.append(collector) }
    }

    /// All metrics as text, ordered by name.
    public func render() -> String {
        let (families, help, collectors) = state.withLock { ($0.families, $0.help, $0.collectors) }
        var text = PrometheusText(help: help)
        for (name, family) in families {
            for (labels, entry) in family.sorted(by: { $0.key.text < $1.key.text }) {
                text.add(entry.series.kind, name, lines: entry.series.lines(labels: labels))
            }
        }
        for samples in Dictionary(grouping: collectors.flatMap { $0() }, by: \.name).values {
            for sample in bounded(samples) {
                let line = "\(Labels(sample.labels).braced()) \(prometheusNumber(sample.value))"
                text.add(sample.kind.rawValue, sample.name, lines: [line])
            }
        }
        return text.rendered()
    }

    /// The series of these labels, made if there is none yet.
    func series<S: Series>(_ name: String, _ dimensions: [(String, String)], make: () -> S) -> S {
        state.withLock { state in
            var labels = Labels(dimensions)
            if state.families[name]?[labels] == nil, state.families[name, default: [:]].count >= maxSeries {
                labels = Labels(Self.folded(dimensions))
            }
            if let entry = state.families[name]?[labels] {
                guard let series = entry.series as? S else {
                    preconditionFailure("\(name) is a \(entry.series.kind), and can't be another kind of metric too")
                }
                state.families[name]?[labels]?.owners += 1
                return series
            }
            let series = make()
            state.families[name, default: [:]][labels] = Entry(series: series, owners: 1)
            state.places[ObjectIdentifier(series)] = (name, labels)
            return series
        }
    }

    /// One of those who made a series needs it no more; it goes with the last of them.
    func destroy(_ series: AnyObject) {
        state.withLock { state in
            let key = ObjectIdentifier(series)
            guard let (name, labels) = state.places[key], let entry = state.families[name]?[labels] else { return }
            guard entry.owners == 1 else {
                state.families[name]?[labels]?.owners -= 1
                return
            }
            state.places[key] = nil
            state.families[name]?[labels] = nil
            if state.families[name]?.isEmpty == true { state.families[name] = nil }
        }
    }

    /// As many samples as a metric may have series, and one more for the sum of the others.
    private func bounded(_ samples: [Sample]) -> [Sample] {
        guard samples.count > maxSeries else { return samples }
        var rest = samples[maxSeries]
        rest.labels = Self.folded(rest.labels)
        rest.value = samples[maxSeries...].reduce(0) { $0 + $1.value }
        return samples[..<maxSeries] + [rest]
    }

    private static func folded(_ dimensions: [(String, String)]) -> [(String, String)] {
        dimensions.map { ($0.0, "other") }
    }
}
