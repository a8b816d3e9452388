import Foundation
import MantaTime

/// The picture of docs/autoscaling.md: for each scenario load and replicas above, the longest wait below.
enum Picture {
    private static let (width, left, gap) = (420.0, 46.0, 24.0)
    private static let (replicaTop, replicaHeight, waitTop, waitHeight) = (56.0, 170.0, 262.0, 120.0)
    private static let mostReplicas = 16.0
    /// Seconds at the ends of the scale of waits, which is logarithmic.
    private static let waits = (least: 0.01, most: 100.0)

    static func draw(_ results: [Figures.Result]) -> String {
        let total = left + Double(results.count) * (width + gap)
        var parts = [header(width: total, height: 424)]
        parts.append(text(left, 20, "load, in busy replicas", "load"))
        parts.append(text(left + 160, 20, "Manta", "manta"))
        parts.append(text(left + 220, 20, "Ray's rule, defaults and target 8", "ray"))
        for (index, result) in results.enumerated() {
            parts += panel(result, x: left + Double(index) * (width + gap), isFirst: index == 0)
        }
        return (parts + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private static func panel(_ result: Figures.Result, x: Double, isFirst: Bool) -> [String] {
        let scenario = result.scenario
        func across(_ second: Double) -> Double { x + width * second / scenario.seconds }
        func up(_ replicas: Double) -> Double { replicaTop + replicaHeight * (1 - replicas / mostReplicas) }
        func wait(_ seconds: Double) -> Double {
            let share = log10(min(max(seconds, waits.least), waits.most) / waits.least)
            return waitTop + waitHeight * (1 - share / log10(waits.most / waits.least))
        }

        var parts = [text(x, replicaTop - 10, "\(scenario.name): replicas", "title")]
        parts.append(text(x, waitTop - 10, "longest queue wait in each second", "title"))
        for replicas in stride(from: 0.0, through: mostReplicas, by: 4) {
            parts.append(rule(x, up(replicas)))
            if isFirst { parts.append(text(x - 8, up(replicas) + 4, "\(Int(replicas))", "tick")) }
        }
        for (seconds, label) in [(0.01, "10 ms"), (0.1, "0.1 s"), (1, "1 s"), (10, "10 s"), (100, "100 s")] {
            parts.append(rule(x, wait(seconds)))
            if isFirst { parts.append(text(x - 4, wait(seconds) + 4, label, "tick")) }
        }
        for share in [0, 0.5, 1.0] {
            let second = share * scenario.seconds
            let anchor = share == 0 ? "start" : share == 1 ? "end" : "middle"
            parts.append(text(across(second), waitTop + waitHeight + 18, "\(Int(second)) s", "time \(anchor)"))
        }

        let seconds = 0..<Int(scenario.seconds)
        parts.append(line(seconds.map { (across(Double($0)), up(scenario.load(Double($0)))) }, "load"))
        for (outcome, name) in [(result.outcomes[1], "ray"), (result.outcomes[0], "manta")] {
            var steps: [(Double, Double)] = []
            for (second, now) in outcome.perSecond.enumerated() {
                let y = up(Double(now.replicas))
                if let last = steps.last, last.1 != y { steps.append((across(Double(second)), last.1)) }
                steps.append((across(Double(second)), y))
            }
            parts.append(line(steps, name))
            parts.append(line(outcome.perSecond.enumerated().map { (across(Double($0)), wait($1.wait)) }, name))
        }
        let objective = wait(scenario.objective)
        parts.append("<path class=\"objective\" d=\"M\(short(x)) \(short(objective))h\(short(width))\"/>")
        if isFirst { parts.append(text(x + width - 4, objective - 4, "objective", "time end")) }
        return parts
    }

    private static func header(width: Double, height: Double) -> String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(short(width)) \(short(height))" role="img">
        <title>Replicas and queue wait under a step and a sine of load</title>
        <style>
        svg { color: #1f2328; background: #ffffff; font: 12px system-ui, sans-serif; }
        text { fill: currentColor; } .title { font-weight: 600; } .tick, .end { text-anchor: end; }
        .tick, .time { font-size: 11px; opacity: .7; } .middle { text-anchor: middle; }
        path { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
        path.load { stroke: #8b949e; stroke-dasharray: 4 3; } text.load { fill: #6e7781; }
        path.manta { stroke: #0a69da; } text.manta { fill: #0a69da; }
        path.ray { stroke: #bc4c00; } text.ray { fill: #bc4c00; }
        path.rule { stroke: currentColor; opacity: .14; stroke-width: 1; }
        path.objective { stroke: currentColor; opacity: .6; stroke-width: 1; stroke-dasharray: 2 3; }
        @media (prefers-color-scheme: dark) {
        svg { color: #e6edf3; background: #0d1117; } text.load { fill: #9ea7b3; }
        path.manta { stroke: #58a6ff; } text.manta { fill: #58a6ff; }
        path.ray { stroke: #f0883e; } text.ray { fill: #f0883e; }
        }
        </style>
        """
    }

    private static func rule(_ x: Double, _ y: Double) -> String {
        "<path class=\"rule\" d=\"M\(short(x)) \(short(y))h\(short(width))\"/>"
    }

    private static func text(_ x: Double, _ y: Double, _ words: String, _ name: String) -> String {
        "<text class=\"\(name)\" x=\"\(short(x))\" y=\"\(short(y))\">\(words)</text>"
    }

    /// A line without the points that lie between two others at the same height.
    private static func line(_ points: [(x: Double, y: Double)], _ name: String) -> String {
        var kept: [(x: String, y: String)] = []
        for point in points {
            let (x, y) = (short(point.x), short(point.y))
            if kept.count >= 2, kept[kept.count - 1].y == y, kept[kept.count - 2].y == y { kept.removeLast() }
            kept.append((x, y))
        }
        return "<path class=\"\(name)\" d=\"M" + kept.map { "\($0.x) \($0.y)" }.joined(separator: "L") + "\"/>"
    }

    private static func short(_ number: Double) -> String { String(format: "%.1f", number) }
}
