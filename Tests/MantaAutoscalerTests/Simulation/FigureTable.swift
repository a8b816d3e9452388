import Foundation

/// The table of docs/autoscaling.md.
enum FigureTable {
    static func render(_ results: [Figures.Result]) -> String {
        var lines = [
            "| load | policy | late requests | last late after | direction changes | replica-seconds to the oracle's |",
            "|---|---|---|---|---|---|",
        ]
        for result in results {
            for (policy, outcome) in zip(Figures.policies, result.outcomes) {
                let cells = [
                    result.scenario.name, policy, String(format: "%.2f %%", 100 * outcome.lateShare),
                    result.scenario.changesAt > 0 ? String(format: "%.1f s", outcome.lastLate) : "",
                    "\(outcome.directionChanges())", String(format: "%.2f", result.ratio(outcome)),
                ]
                lines.append("| " + cells.joined(separator: " | ") + " |")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
