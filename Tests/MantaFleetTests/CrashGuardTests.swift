import MantaRuntime
import MantaTestKit
import MantaTime
import Testing

@testable import MantaFleet

@Suite("Models that end the workers that load them")
struct CrashGuardTests {
    private let start = Instant.now

    @Test("after a few ends of workers a group waits, for longer each time, and is tried on one worker then")
    func delays() {
        var crashes = CrashGuard()
        var now = start
        for number in 1...CrashGuard.limit {
            #expect(crashes.verdict(on: "m", at: now) == nil)
            crashes.vanished("w\(number)", loading: ["m"], ready: [:], at: now)
        }
        #expect(
            crashes.verdict(on: "m", at: now)
                == .init(starting: 0, reason: "3 workers ended while they loaded it; it is tried again after 10 s"))
        #expect(crashes.verdict(on: "n", at: now) == nil)
        now += .seconds(10)
        #expect(crashes.verdict(on: "m", at: now)?.starting == 1)
        crashes.vanished("w9", loading: ["m"], ready: [:], at: now)
        now += .seconds(19)
        #expect(crashes.verdict(on: "m", at: now)?.starting == 0)
        now += .seconds(1)
        #expect(crashes.verdict(on: "m", at: now)?.starting == 1)
    }

    @Test("a replica that has become ready since clears it; one that was ready before doesn't")
    func ready() {
        var crashes = CrashGuard()
        for number in 1...3 { crashes.vanished("w\(number)", loading: ["m"], ready: ["m": [7]], at: start) }
        crashes.ready(["m": [7]])
        #expect(crashes.verdict(on: "m", at: start) != nil)
        crashes.ready(["m": [7, 8]])
        #expect(crashes.verdict(on: "m", at: start) == nil)
    }

    @Test("a worker that is there again hasn't ended: the store was away")
    func returned() {
        var crashes = CrashGuard()
        for number in 1...3 { crashes.vanished("w\(number)", loading: ["m"], ready: [:], at: start) }
        crashes.present(["w2"])
        #expect(crashes.verdict(on: "m", at: start) == nil)
    }

    @Test(
        "whatever happens, only what several workers ended with waits, and never for longer than it may",
        arguments: 0..<200)
    func anything(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var crashes = CrashGuard()
        var (now, last) = (start, [String: Instant]())
        var ends: [String: [(node: String, at: Instant)]] = [:]
        for step in 0..<200 {
            now += .seconds(Int.random(in: 0...120, using: &random))
            let node = "w\(Int.random(in: 0...20, using: &random))"
            switch Int.random(in: 0..<10, using: &random) {
            case 0:
                crashes.present([node])
                for group in ends.keys { ends[group]?.removeAll { $0.node == node } }
            case 1:
                crashes.ready(["a": [step]])
                ends["a"] = nil
            default:
                let groups = Set(["a", "b", "c"].filter { _ in Bool.random(using: &random) })
                crashes.vanished(node, loading: groups, ready: [:], at: now)
                for group in groups where ends[group]?.contains(where: { $0.node == node }) != true {
                    ends[group, default: []].append((node, now))
                    last[group] = now
                }
            }
            for group in ["a", "b", "c"] {
                let verdict = crashes.verdict(on: group, at: now)
                // Ends that are forgotten may come again.
                ends[group]?.removeAll { now - $0.at > CrashGuard.window }
                #expect((verdict != nil) == ((ends[group]?.count ?? 0) >= CrashGuard.limit), "seed \(seed)")
                if verdict?.starting == 0, let last = last[group] {
                    #expect(now - last < CrashGuard.delays.longest, "seed \(seed)")
                }
            }
        }
    }
}
