import CoreMetrics
import MantaTelemetry
import Testing

@Suite("Prometheus text")
struct PrometheusTests {
    @Test("counters, gauges and histograms are written as the exposition format wants them")
    func rendersEachKind() {
        let registry = PrometheusRegistry()
        registry.describe("requests_total", "Requests.")
        Counter(label: "requests_total", dimensions: [("code", "ok")], factory: registry).increment(by: 3)
        Gauge(label: "depth", dimensions: [], factory: registry).record(2.5)
        let rows = Recorder(label: "rows", dimensions: [("model", "m")], aggregate: true, factory: registry)
        for value in [1, 3, 5000] { rows.record(value) }

        let text = registry.render()

        #expect(text.contains("# HELP requests_total Requests.\n# TYPE requests_total counter\n"))
        #expect(text.contains("\nrequests_total{code=\"ok\"} 3\n"))
        #expect(text.contains("# TYPE depth gauge\ndepth 2.5\n"))
        #expect(text.contains("rows_bucket{model=\"m\",le=\"2\"} 1\nrows_bucket{model=\"m\",le=\"4\"} 2\n"))
        #expect(text.contains("rows_bucket{model=\"m\",le=\"+Inf\"} 3\nrows_sum{model=\"m\"} 5004\n"))
        #expect(text.contains("rows_count{model=\"m\"} 3\n"))
    }

    @Test("timers count in seconds")
    func timersCountInSeconds() {
        let registry = PrometheusRegistry()
        Timer(label: "run_seconds", dimensions: [], factory: registry).recordNanoseconds(2_000_000)

        let text = registry.render()

        #expect(text.contains("run_seconds_bucket{le=\"0.001\"} 0\nrun_seconds_bucket{le=\"0.0025\"} 1\n"))
        #expect(text.contains("run_seconds_sum 0.002\n"))
    }

    @Test("one name and one set of labels is one series")
    func seriesAreShared() {
        let registry = PrometheusRegistry()
        Counter(label: "c", dimensions: [("a", "1")], factory: registry).increment()
        Counter(label: "c", dimensions: [("a", "1")], factory: registry).increment()
        #expect(registry.render().contains("c{a=\"1\"} 2\n"))
    }

    @Test("a label's backslashes, quotes and line feeds are escaped")
    func labelsAreEscaped() {
        let registry = PrometheusRegistry()
        registry.collect { [Sample("g", labels: [("name", "a\\b\"c\nd")], value: 1)] }
        #expect(registry.render() == "# TYPE g gauge\ng{name=\"a\\\\b\\\"c\\nd\"} 1\n")
    }

    @Test("the process's own figures are there")
    func processSamples() throws {
        let samples = ProcessSamples.read()
        let memory = try #require(samples.first { $0.name == "process_resident_memory_bytes" })
        #expect(memory.value > 1_000_000)
        #expect(samples.contains { $0.name == "process_open_fds" && $0.value >= 3 })
    }
}
