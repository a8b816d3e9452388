import Foundation
import MantaAutoscaler
import Testing

/// Every scenario under every policy, simulated once for all tests.
enum Figures {
    /// One scenario, and what came of it.
    struct Result: Sendable {
        var scenario: Scenario
        var oracle: Double
        /// By policy, in the order of ``policies``.
        var outcomes: [Outcome]

        var manta: Outcome { outcomes[0] }

        func ratio(_ outcome: Outcome) -> Double { outcome.replicaSeconds / oracle }
    }

    static let policies = ["Manta", "Ray's defaults, target 8", "Ray's defaults"]

    static let scenarios = [
        Scenario(name: "step", seconds: 300, seed: 1, changesAt: 30) { $0 < 30 || $0 >= 150 ? 0.3 : 8 },
        Scenario(name: "sine", seconds: 900, seed: 2) { 2.5 - 2 * cos($0 / 300 * .pi) },
        Scenario(name: "ramp", seconds: 300, seed: 3) { 0.5 + $0 / 60 },
        Scenario(name: "bursts", seconds: 600, seed: 4) { $0.truncatingRemainder(dividingBy: 100) < 3 ? 6 : 0.5 },
        Scenario(
            name: "noise", seconds: 3600, seed: 5, model: .init(fixed: 0.2, perRow: 0.05), objective: 1
        ) { _ in 2.5 },
        Scenario(name: "sleep", seconds: 240, seed: 6, allowed: 0...16, changesAt: 180) {
            60..<180 ~= $0 ? 0 : 0.5
        },
    ]

    static let all = Task {
        await withTaskGroup { group in
            for (index, scenario) in scenarios.enumerated() { group.addTask { (index, simulate(scenario)) } }
            return await group.reduce(into: [Int: Result]()) { $0[$1.0] = $1.1 }.sorted { $0.key < $1.key }
                .map(\.value)
        }
    }

    static func result(_ name: String) async throws -> Result {
        try #require(await all.value.first { $0.scenario.name == name })
    }

    private static func simulate(_ scenario: Scenario) -> Result {
        let arrivals = scenario.arrivals()
        var configuration = AutoscalingConfiguration()
        configuration.minReplicas = scenario.allowed.lowerBound
        configuration.maxReplicas = scenario.allowed.upperBound
        let outcomes = [
            scenario.run(MantaPolicy(configuration), arrivals: arrivals),
            scenario.run(RayPolicy(target: 8, allowed: scenario.allowed), arrivals: arrivals),
            scenario.run(RayPolicy(target: 2, allowed: scenario.allowed), arrivals: arrivals),
        ]
        return Result(scenario: scenario, oracle: scenario.oracle(arrivals: arrivals), outcomes: outcomes)
    }
}
