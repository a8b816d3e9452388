import Foundation
import MantaTelemetry
import Testing

@Suite("docs/metrics.md")
struct MetricsPageTests {
    @Test("it lists every metric, and no others")
    func listsEveryMetric() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/metrics.md"), encoding: .utf8)
        // The first column of the table.
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }.compactMap {
            $0.split(separator: "|").first
        }
        let names = rows.flatMap { $0.matches(of: /`(\w+)`/).map { String($0.output.1) } }
        #expect(names.sorted() == MetricHelp.texts.keys.sorted())
    }
}
