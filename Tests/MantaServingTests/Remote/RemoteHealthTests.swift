import MantaCore
import MantaTime
import Testing

@testable import MantaServing

@Suite("The health of a remote replica")
struct RemoteHealthTests {
    private let start = Instant.now

    /// One that has served well since the start.
    private var sound: RemoteHealth {
        var health = RemoteHealth(at: start)
        health.connected()
        health.succeeded(at: start)
        return health
    }

    @Test("it is on probation when it can be reached, and in after a batch")
    func proves() {
        var health = RemoteHealth(at: start)
        #expect(health.state == .out(until: start))
        health.connected()
        #expect(health.state == .onProbation)
        health.succeeded(at: start)
        #expect(health.state == .isIn)
    }

    @Test(
        "it is out at once when the connection, the answer or the will is missing",
        arguments: [RemoteFailure.Kind.unreachable, .lost, .silent, .refused])
    func goesOut(kind: RemoteFailure.Kind) {
        var health = sound
        health.failed(kind, lastSuccess: nil, at: start, jitter: 0.5)
        #expect(health.state == .out(until: start + RemoteHealth.pauses.first))
    }

    @Test("pauses double up to the longest, and begin anew after a long good time")
    func pauses() {
        var health = sound
        var (now, pauses): (Instant, [Duration]) = (start, [])
        for _ in 0..<9 {
            health.failed(.unreachable, lastSuccess: nil, at: now, jitter: 0.5)
            guard case .out(let until) = health.state else {
                Issue.record("in after a failure")
                return
            }
            pauses.append(until - now)
            now = until
        }
        #expect(pauses.map { $0 / .milliseconds(1) } == [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])

        health.connected()
        health.succeeded(at: now)
        now += RemoteHealth.recovery
        health.succeeded(at: now)
        health.failed(.lost, lastSuccess: nil, at: now, jitter: 0.5)
        #expect(health.state == .out(until: now + RemoteHealth.pauses.first))
    }

    @Test("several batches that fail at a time are one failure")
    func together() {
        var health = sound
        for _ in 0..<10 { health.failed(.lost, lastSuccess: nil, at: start, jitter: 0.5) }
        #expect(health.state == .out(until: start + RemoteHealth.pauses.first))
    }

    @Test("what comes back after it went out doesn't put it in")
    func late() {
        var health = sound
        health.failed(.silent, lastSuccess: nil, at: start, jitter: 0.5)
        health.succeeded(at: start + .milliseconds(1))
        #expect(health.state == .out(until: start + RemoteHealth.pauses.first))
    }

    @Test("requests that are wrong say nothing against it, but that it answers")
    func wrongRequests() {
        var health = sound
        for _ in 0..<100 { health.failed(.answered(.invalidRequest), lastSuccess: start, at: start, jitter: 0) }
        #expect(health.state == .isIn)
    }

    @Test("it is out when it fails again and again while others succeed, and in when they fail too")
    func failsAlone() {
        let later = start + .seconds(1)
        var (alone, together) = (sound, sound)
        for _ in 0..<RemoteHealth.failureLimit {
            alone.failed(.answered(.engineFailed), lastSuccess: later, at: start, jitter: 0.5)
            together.failed(.answered(.engineFailed), lastSuccess: start, at: later, jitter: 0.5)
        }
        #expect(alone.state != .isIn)
        #expect(together.state == .isIn)
    }
}
