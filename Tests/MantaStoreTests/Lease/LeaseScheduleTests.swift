import MantaTestKit
import MantaTime
import Testing

@testable import MantaStore

@Suite("The schedule of a lease")
struct LeaseScheduleTests {
    let start = Instant.now
    let lease = Lease(id: LeaseID(rawValue: 7), timeToLive: .seconds(15))

    private func held() -> LeaseSchedule {
        var schedule = LeaseSchedule(timeToLive: .seconds(15))
        schedule.granted(lease, sent: start, jitter: 0.5)
        return schedule
    }

    @Test("a lease is asked for at once, and renewed after a third of its time, give or take a tenth")
    func renewal() {
        var schedule = LeaseSchedule(timeToLive: .seconds(15))
        #expect(schedule.step(at: start) == .grant)
        for (jitter, wait) in [(0, 4.5), (0.5, 5), (1, 5.5)] {
            schedule.granted(lease, sent: start, jitter: jitter)
            guard case .wait(let until) = schedule.step(at: start) else {
                Issue.record("expected a wait")
                return
            }
            #expect(abs((until - start) / .seconds(wait) - 1) < 0.001)
            #expect(schedule.step(at: until) == .renew(lease.id))
        }
    }

    @Test("its time is counted from when it was asked for, as renewed")
    func counting() {
        var schedule = held()
        #expect(schedule.deadline == start + .seconds(15))
        #expect(schedule.renewed(.seconds(12), sent: start + .seconds(5), jitter: 0.5) == nil)
        #expect(schedule.deadline == start + .seconds(17))
        #expect(schedule.step(at: start + .seconds(9)) == .renew(lease.id))
    }

    @Test("after each failure half of what is left passes, so it is tried again and again before the end")
    func failures() {
        var schedule = held()
        var now = start + .seconds(5)
        var tries = 0
        while schedule.step(at: now) == .renew(lease.id) {
            tries += 1
            let remaining = start + .seconds(15) - now
            schedule.failed(at: now, jitter: 0)
            guard case .wait(let until) = schedule.step(at: now) else { break }
            if remaining > .seconds(1) { #expect(abs((until - now) / remaining - 0.5) < 0.001) }
            now = until
        }
        #expect(tries >= 6 && tries < 20)
        #expect(now >= start + .seconds(14))
    }

    @Test("when its time is over it is given up once, asked for on, and comes back if the store let it live")
    func overdue() {
        var schedule = held()
        let end = start + .seconds(15)

        #expect(schedule.step(at: end) == .giveUp(lease.id))
        #expect(schedule.step(at: end) == .renew(lease.id))
        #expect(schedule.deadline == nil)
        schedule.failed(at: end, jitter: 0)
        #expect(schedule.step(at: end) == .wait(until: end + .seconds(1)))
        #expect(schedule.step(at: end + .seconds(1)) == .renew(lease.id))
        #expect(schedule.renewed(.seconds(15), sent: end + .seconds(1), jitter: 0.5) == lease)
        #expect(schedule.deadline == end + .seconds(16))
    }

    @Test("another is asked for when the store says that it has ended, and later and later when that fails")
    func lost() {
        var schedule = held()
        schedule.lost()
        #expect(schedule.step(at: start) == .grant)
        var waits: [Duration] = []
        var now = start
        for _ in 0..<8 {
            schedule.failed(at: now, jitter: 1)
            guard case .wait(let until) = schedule.step(at: now) else { break }
            waits.append(until - now)
            now = until
            #expect(schedule.step(at: now) == .grant)
        }
        #expect(waits.first == .milliseconds(250) && waits.last == .seconds(5))
        #expect(zip(waits, waits.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test("whatever happens, it asks for no lease while one lives and renews none after its end unseen")
    func invariants() {
        let seed: UInt64 = 0x6C65_6173_65
        var random = SeededGenerator(seed: seed)
        var schedule = LeaseSchedule(timeToLive: .seconds(15))
        var now = start
        var end: Instant?
        for id in 1...5_000 as ClosedRange<Int64> {
            now += .milliseconds(Int.random(in: 0...3_000, using: &random))
            switch schedule.step(at: now) {
            case .wait(let until): #expect(until > now && until <= now + .seconds(17), "seed \(seed)")
            case .grant:
                #expect(end == nil, "seed \(seed)")
                guard Bool.random(using: &random) else {
                    schedule.failed(at: now, jitter: .random(in: 0...1, using: &random))
                    continue
                }
                let lease = Lease(id: LeaseID(rawValue: id), timeToLive: .seconds(15))
                schedule.granted(lease, sent: now, jitter: .random(in: 0...1, using: &random))
                end = now + .seconds(15)
            case .giveUp:
                #expect(end.map { $0 <= now } == true, "seed \(seed)")
                end = nil
            case .renew:
                #expect(end.map { now < $0 } ?? true, "seed \(seed)")
                switch Int.random(in: 0..<4, using: &random) {
                case 0:
                    schedule.lost()
                    end = nil
                case 1:
                    _ = schedule.renewed(.seconds(15), sent: now, jitter: .random(in: 0...1, using: &random))
                    end = now + .seconds(15)
                default: schedule.failed(at: now, jitter: .random(in: 0...1, using: &random))
                }
            }
        }
    }
}
