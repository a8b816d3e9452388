import Foundation
import MantaAutoscaler
import Testing

@Suite("Autoscaling, simulated")
struct AutoscalingFiguresTests {
    @Test("when load rises eightfold, a second replica is wanted within 0.3 s and as many as needed within 2 s")
    func step() async throws {
        let step = try await Figures.result("step")

        #expect(try #require(step.manta.time(from: 30, to: 2)) <= 0.3)
        #expect(try #require(step.manta.time(from: 30, to: 8)) <= 2)
        #expect(step.manta.lastLate <= 3)
        #expect(step.manta.lateShare < 0.02)
        // Up once and down once, and not above what is needed by more than a quarter.
        #expect(step.manta.directionChanges() == 1)
        #expect(step.manta.changes.allSatisfy { $0.to <= 10 })
        #expect(step.ratio(step.manta) < 1.5)
    }

    @Test("steady noise between two and three replicas' load changes no direction in an hour, once settled")
    func noise() async throws {
        let noise = try await Figures.result("noise")

        #expect(noise.manta.directionChanges(after: 300) == 0)
        #expect(noise.manta.changes.count { $0.at > 300 } <= 1)
        #expect(noise.manta.lateShare < 0.001)
        #expect(noise.outcomes[1].directionChanges() > 0, "the scenario would tempt anyone")
    }

    @Test("a slow sine is followed with few replica-seconds more than foresight needs, and hardly a late request")
    func sine() async throws {
        let sine = try await Figures.result("sine")

        #expect(sine.manta.lateShare < 0.005)
        #expect(sine.ratio(sine.manta) < 1.45)
        #expect(sine.manta.directionChanges() <= 4)
    }

    @Test("a ramp and bursts are kept up with")
    func rampAndBursts() async throws {
        let ramp = try await Figures.result("ramp")
        let bursts = try await Figures.result("bursts")

        #expect(ramp.manta.lateShare < 0.005)
        #expect(ramp.manta.directionChanges() == 0)
        #expect(bursts.manta.lateShare < 0.1)
        #expect(bursts.manta.directionChanges() <= 2 * 6)
    }

    @Test("an idle deployment goes to zero after the delay, and the first request wakes it")
    func sleep() async throws {
        let sleep = try await Figures.result("sleep")

        let down = try #require(sleep.manta.changes.first { $0.to == 0 })
        let last = try #require(sleep.scenario.arrivals().last { $0 < 60 })
        #expect(down.at >= last + 30 && down.at <= last + 30.5)
        let wake = try #require(sleep.manta.changes.first { $0.from == 0 })
        #expect(wake.at >= 180 && wake.to == 1)
        #expect(sleep.manta.lastLate == 0)
    }

    @Test("no policy's figures depend on anything but the seed")
    func figuresRepeat() {
        let scenario = Scenario(name: "short", seconds: 60, seed: 7) { $0 < 20 ? 0.5 : 3 }
        var configuration = AutoscalingConfiguration()
        configuration.maxReplicas = 8
        let first = scenario.run(MantaPolicy(configuration), arrivals: scenario.arrivals())
        let second = scenario.run(MantaPolicy(configuration), arrivals: scenario.arrivals())

        #expect(first.changes.map(\.at) == second.changes.map(\.at))
        #expect(first.replicaSeconds == second.replicaSeconds)
    }

    @Test("docs/autoscaling.md and its picture show these figures")
    func documentation() async throws {
        let docs = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs")
        let page = docs.appending(path: "autoscaling.md")
        let picture = docs.appending(path: "autoscaling.svg")
        let results = await Figures.all.value
        let drawing = Picture.draw(results.filter { ["step", "sine"].contains($0.scenario.name) })

        let text = try String(contentsOf: page, encoding: .utf8)
        let begin = try #require(text.range(of: "<!-- figures: begin -->\n"))
        let end = try #require(text.range(of: "<!-- figures: end -->"))
        let place = begin.upperBound..<end.lowerBound
        let table = FigureTable.render(results)
        if ProcessInfo.processInfo.environment["MANTA_WRITE_DOCS"] == "1" {
            try text.replacingCharacters(in: place, with: table).write(to: page, atomically: true, encoding: .utf8)
            try drawing.write(to: picture, atomically: true, encoding: .utf8)
            return
        }

        #expect(text[place] == table, "run the tests with MANTA_WRITE_DOCS=1")
        #expect(try String(contentsOf: picture, encoding: .utf8) == drawing, "run the tests with MANTA_WRITE_DOCS=1")
    }
}
