import CoreMetrics
import Foundation
import MantaTelemetry
import MantaTestKit
import Testing

@Suite("Prometheus' own checks", .timeLimit(.minutes(1)))
struct PromtoolTests {
    @Test("promtool finds nothing to say about a page with every metric of Manta's")
    func everyMetric() throws {
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

        let (status, output) = try promtool(registry.render())

        #expect(status == 0 && output == "", "\(output)")
        #expect(registry.render().components(separatedBy: "# HELP ").count - 1 == MetricHelp.texts.count)
    }

    @Test("promtool does find what is wrong")
    func faults() throws {
        let (status, output) = try promtool("# TYPE requests counter\nrequests 1\n")
        #expect(status != 0)
        #expect(output.contains("no help text"))
    }

    /// Runs `promtool check metrics` on a page. `scripts/install-dependencies --tests` fetches it.
    private func promtool(_ page: String) throws -> (status: Int32, output: String) {
        let folder = try TemporaryFolder()
        try folder.write(page, to: "metrics")
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let process = Process()
        process.executableURL = root.appending(path: ".venv/bin/promtool")
        process.arguments = ["check", "metrics"]
        process.standardInput = try FileHandle(forReadingFrom: URL(filePath: "\(folder.path)/metrics"))
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }
}
