import CoreMetrics
import Foundation
import MantaProcesses
import MantaTelemetry
import MantaTestKit
import Testing

@Suite("Prometheus' own checks", .timeLimit(.minutes(1)))
struct PromtoolTests {
    @Test("promtool finds nothing to say about a page with every metric of Manta's")
    func everyMetric() async throws {
        let registry = PrometheusRegistry()
        for (name, help) in MetricHelp.texts { registry.describe(name, help) }
        registry.collect { ProcessSamples.read() }
        let version = [("model", "a \"b\"\\c"), ("version", "1")]
        for name in MetricHelp.texts.keys where name.hasPrefix("manta_") {
            switch name {
            case _ where name.hasSuffix("_total"):
                Counter(label: name, dimensions: version + [("code", "ok")], factory: registry).increment()
            case _ where name.hasSuffix("_seconds"):
                Timer(label: name, dimensions: version, factory: registry).recordNanoseconds(1_500_000)
            case "manta_batch_rows":
                Recorder(label: name, dimensions: version, aggregate: true, factory: registry).record(3)
            default: registry.collect { [Sample(name, labels: version, value: 0.5)] }
            }
        }

        let result = try await promtool(registry.render())

        #expect(result == .init(status: 0), "\(result.output)")
        #expect(registry.render().components(separatedBy: "# HELP ").count - 1 == MetricHelp.texts.count)
    }

    @Test("promtool does find what is wrong")
    func faults() async throws {
        let result = try await promtool("# TYPE requests counter\nrequests 1\n")
        #expect(result.status != 0)
        #expect(result.output.contains("no help text"))
    }

    /// Runs `promtool check metrics` on a page. `scripts/install-dependencies --tests` fetches it.
    private func promtool(_ page: String) async throws -> Program.Result {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        var promtool = Program(root.appending(path: ".venv/bin/promtool").path, ["check", "metrics"])
        promtool.input = .bytes(Array(page.utf8))
        promtool.errors = nil
        return try await promtool.run()
    }
}
