import CoreMetrics
import MantaCore
import MantaTelemetry
import MantaTime
import Testing

@testable import MantaServing

@Suite("What is counted for a version")
struct VersionMetricsTests {
    private let registry = PrometheusRegistry()
    private let start = Instant.now

    @Test("requests, batches, replies and restarts are counted under the version's labels")
    func everythingIsCounted() {
        let metrics = metrics(version: 1)

        metrics.recordAnswer(duration: .milliseconds(3), at: start)
        var timing = InferenceTiming()
        (timing.input, timing.run, timing.output) = (.microseconds(15), .milliseconds(2), .microseconds(5))
        metrics.recordBatch(rows: 5, waits: [.milliseconds(1), .zero], timing: timing, at: start)
        metrics.recordEncode(.microseconds(30))
        metrics.recordRestart()
        metrics.recordHedge()
        metrics.recordHedge()
        metrics.recordHedgeWon()

        let text = registry.render()
        let labels = "model=\"digits\",version=\"1\""
        for line in [
            "manta_requests_total{\(labels),code=\"ok\"} 1", "manta_request_duration_seconds_sum{\(labels)} 0.003",
            "manta_queue_duration_seconds_count{\(labels)} 2", "manta_run_duration_seconds_sum{\(labels)} 0.002",
            "manta_batch_duration_seconds_bucket{\(labels),le=\"0.0001\"} 1",
            "manta_encode_duration_seconds_count{\(labels)} 1", "manta_batch_rows_sum{\(labels)} 5",
            "manta_replica_restarts_total{\(labels)} 1", "manta_hedges_sent_total{\(labels)} 2",
            "manta_hedges_won_total{\(labels)} 1",
        ] {
            #expect(text.contains("\n\(line)\n"), "\(line) in\n\(text)")
        }
    }

    @Test("the last minute tells requests, failures, times and rows")
    func lastMinute() throws {
        let metrics = metrics(version: 1)
        for second in 0..<20 {
            let now = start + .seconds(second)
            if second < 5 {
                metrics.recordFailure(.overloaded, duration: .milliseconds(10), at: now)
            } else {
                metrics.recordAnswer(duration: .milliseconds(10), at: now)
            }
            metrics.recordBatch(rows: second.isMultiple(of: 2) ? 1 : 4, waits: [], timing: .init(), at: now)
        }

        let summary = metrics.lastMinute(at: start + .seconds(20))

        #expect(summary.requests == 20 && summary.failures == 5)
        #expect(summary.perSecond == 1 && summary.meanBatchRows == 2.5)
        #expect((9.375...10.625).contains(try #require(summary.p99) / .milliseconds(1)))
    }

    @Test("statistics tell each kind of time apart, and how large batches were")
    func statistics() {
        let metrics = metrics(version: 1)
        var timing = InferenceTiming()
        (timing.queue, timing.input, timing.run, timing.output) = (
            .nanoseconds(7), .nanoseconds(20), .nanoseconds(300), .nanoseconds(4)
        )

        metrics.recordBatch(rows: 2, waits: [], timing: timing, at: start)
        metrics.recordBatch(rows: 2, waits: [], timing: timing, at: start)
        metrics.recordBatch(rows: 8, waits: [], timing: timing, at: start + .seconds(1))
        metrics.recordAnswer(duration: .nanoseconds(400), timing: timing, at: start)
        metrics.recordFailure(.overloaded, duration: .nanoseconds(9), at: start)

        let statistics = metrics.statistics
        #expect(statistics.rows == 12 && statistics.executions == 3)
        #expect(statistics.batches.mapValues(\.run.count) == [2: 2, 8: 1])
        #expect(statistics.batches[2]?.run.nanoseconds == 600)
        #expect(statistics.lastExecution == start + .seconds(1))
        #expect(statistics.succeeded.count == 1 && statistics.succeeded.nanoseconds == 400)
        #expect(statistics.failed.count == 1 && statistics.failed.nanoseconds == 9)
        let times = [statistics.queue, statistics.input, statistics.run, statistics.output].map(\.nanoseconds)
        #expect(times == [7, 20, 300, 4])
    }

    @Test("a model that is given batches of ever more sizes costs no more memory")
    func sizesAreBounded() {
        let metrics = metrics(version: 1)

        for rows in 1...1000 { metrics.recordBatch(rows: rows, waits: [], timing: .init(), at: start) }

        #expect(metrics.statistics.batches.count == InferenceStatistics.maxSizes)
        #expect(metrics.statistics.executions == 1000)
    }

    @Test("the series of a version go with it, those of others stay, and a late request brings nothing back")
    func removal() {
        let (old, new) = (metrics(version: 1), metrics(version: 2))
        for metrics in [old, new] { metrics.recordAnswer(duration: .milliseconds(1)) }

        old.remove()
        old.remove()
        old.recordFailure(.shuttingDown, duration: .milliseconds(1))

        let text = registry.render()
        #expect(!text.contains("version=\"1\""))
        #expect(text.contains("manta_requests_total{model=\"digits\",version=\"2\",code=\"ok\"} 1\n"))
    }

    @Test("a version that was loaded again before the old one was gone keeps its series")
    func replacement() {
        let old = metrics(version: 1)
        let new = metrics(version: 1)
        new.recordAnswer(duration: .milliseconds(1))
        old.remove()
        #expect(registry.render().contains("manta_requests_total{model=\"digits\",version=\"1\",code=\"ok\"} 1\n"))
    }

    private func metrics(version: Int) -> VersionMetrics {
        VersionMetrics(ModelID(name: "digits", version: version), startingAt: start, factory: registry)
    }
}
