import CoreMetrics
import MantaCore
import MantaTelemetry
import Testing

@testable import MantaServing

@Suite("What is counted for a version")
struct VersionMetricsTests {
    private let registry = PrometheusRegistry()
    private let start = ContinuousClock.now

    @Test("requests, batches, replies and restarts are counted under the version's labels")
    func everythingIsCounted() {
        let metrics = metrics(version: 1)

        metrics.recordRequest(code: "ok", duration: .milliseconds(3), at: start)
        metrics.recordBatch(
            rows: 5, run: .milliseconds(2), batch: .microseconds(20), waits: [.milliseconds(1), .zero], at: start)
        metrics.recordEncode(.microseconds(30))
        metrics.recordRestart()

        let text = registry.render()
        let labels = "model=\"digits\",version=\"1\""
        for line in [
            "manta_requests_total{\(labels),code=\"ok\"} 1", "manta_request_duration_seconds_sum{\(labels)} 0.003",
            "manta_queue_duration_seconds_count{\(labels)} 2", "manta_run_duration_seconds_sum{\(labels)} 0.002",
            "manta_batch_duration_seconds_bucket{\(labels),le=\"0.0001\"} 1",
            "manta_encode_duration_seconds_count{\(labels)} 1", "manta_batch_rows_sum{\(labels)} 5",
            "manta_replica_restarts_total{\(labels)} 1",
        ] {
            #expect(text.contains("\n\(line)\n"), "\(line) in\n\(text)")
        }
    }

    @Test("the last minute tells requests, failures, times and rows")
    func lastMinute() throws {
        let metrics = metrics(version: 1)
        for second in 0..<20 {
            let now = start + .seconds(second)
            metrics.recordRequest(code: second < 5 ? "overloaded" : "ok", duration: .milliseconds(10), at: now)
            metrics.recordBatch(rows: second.isMultiple(of: 2) ? 1 : 4, run: .zero, batch: .zero, waits: [], at: now)
        }

        let summary = metrics.lastMinute(at: start + .seconds(20))

        #expect(summary.requests == 20 && summary.failures == 5)
        #expect(summary.perSecond == 1 && summary.meanBatchRows == 2.5)
        #expect((9.375...10.625).contains(try #require(summary.p99) / .milliseconds(1)))
    }

    @Test("the series of a version go with it, those of others stay, and a late request brings nothing back")
    func removal() {
        let (old, new) = (metrics(version: 1), metrics(version: 2))
        for metrics in [old, new] { metrics.recordRequest(code: "ok", duration: .milliseconds(1)) }

        old.remove()
        old.remove()
        old.recordRequest(code: "shuttingDown", duration: .milliseconds(1))

        let text = registry.render()
        #expect(!text.contains("version=\"1\""))
        #expect(text.contains("manta_requests_total{model=\"digits\",version=\"2\",code=\"ok\"} 1\n"))
    }

    @Test("a version that was loaded again before the old one was gone keeps its series")
    func replacement() {
        let old = metrics(version: 1)
        let new = metrics(version: 1)
        new.recordRequest(code: "ok", duration: .milliseconds(1))
        old.remove()
        #expect(registry.render().contains("manta_requests_total{model=\"digits\",version=\"1\",code=\"ok\"} 1\n"))
    }

    private func metrics(version: Int) -> VersionMetrics {
        VersionMetrics(ModelID(name: "digits", version: version), startingAt: start, factory: registry)
    }
}
