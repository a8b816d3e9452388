import CoreMetrics
import MantaTelemetry
import MantaTime
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

    @Test("a help text's backslashes and line feeds are escaped")
    func helpIsEscaped() {
        let registry = PrometheusRegistry()
        registry.describe("g", "a\\b\nc")
        registry.collect { [Sample("g", value: 1)] }
        #expect(registry.render() == "# HELP g a\\\\b\\nc\n# TYPE g gauge\ng 1\n")
    }

    @Test("series beyond the bound count together, with the labels \"other\"")
    func seriesAreBounded() {
        let registry = PrometheusRegistry(maxSeries: 2)
        for model in ["a", "b", "c", "d", "a"] {
            Counter(label: "c", dimensions: [("model", model), ("code", "ok")], factory: registry).increment()
        }
        registry.collect { (1...4).map { Sample("g", labels: [("model", "\($0)")], value: Double($0)) } }

        #expect(
            registry.render() == """
                # TYPE c counter
                c{model="a",code="ok"} 2
                c{model="b",code="ok"} 1
                c{model="other",code="other"} 2
                # TYPE g gauge
                g{model="1"} 1
                g{model="2"} 2
                g{model="other"} 7

                """)
    }

    @Test("a destroyed series isn't shown any more, and makes room for another")
    func destroyedSeriesGo() {
        let registry = PrometheusRegistry(maxSeries: 1)
        let counter = Counter(label: "c", dimensions: [("model", "a")], factory: registry)
        let timer = Timer(label: "t_seconds", dimensions: [("model", "a")], factory: registry)
        let recorder = Recorder(label: "r", dimensions: [("model", "a")], aggregate: true, factory: registry)
        let gauge = Gauge(label: "g", dimensions: [("model", "a")], factory: registry)
        counter.increment()
        timer.recordNanoseconds(1)
        recorder.record(1)
        gauge.record(1)

        counter.destroy()
        timer.destroy()
        recorder.destroy()
        gauge.destroy()
        Counter(label: "c", dimensions: [("model", "b")], factory: registry).increment()

        #expect(registry.render() == "# TYPE c counter\nc{model=\"b\"} 1\n")
    }

    @Test("a series that two have made stays until both have destroyed it")
    func sharedSeriesStay() {
        let registry = PrometheusRegistry()
        let first = Counter(label: "c", dimensions: [("model", "a")], factory: registry)
        let second = Counter(label: "c", dimensions: [("model", "a")], factory: registry)
        first.increment()

        first.destroy()
        second.increment()
        #expect(registry.render().contains("c{model=\"a\"} 2\n"))

        second.destroy()
        #expect(registry.render() == "")
    }

    @Test("the process's own figures are there, under the names of Prometheus' clients")
    func processSamples() throws {
        let samples = Dictionary(uniqueKeysWithValues: ProcessSamples.read().map { ($0.name, $0.value) })
        let resident = try #require(samples["process_resident_memory_bytes"])
        #expect(resident > 1_000_000)
        #expect(try #require(samples["process_virtual_memory_bytes"]) >= resident)
        #expect(try #require(samples["process_threads"]) >= 1)
        let open = try #require(samples["process_open_fds"])
        #expect(open >= 3)
        #expect(try #require(samples["process_max_fds"]) >= open)
        #expect(try #require(samples["process_cpu_seconds_total"]) > 0)
        let now = Double(Timestamp.now().milliseconds) / 1000
        let start = try #require(samples["process_start_time_seconds"])
        // The kernel's clock of boot is in whole seconds.
        #expect((now - 3600...now + 1).contains(start))
    }
}
