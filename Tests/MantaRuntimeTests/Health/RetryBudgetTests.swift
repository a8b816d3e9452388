import MantaRuntime
import MantaTestKit
import MantaTime
import Testing

@Suite("Retry budget")
struct RetryBudgetTests {
    let start = Instant.now

    private func budget(share: Double, floor: Double) -> RetryBudget {
        var configuration = RetryBudget.Configuration()
        (configuration.share, configuration.floorPerSecond) = (share, floor)
        return RetryBudget(configuration)
    }

    /// How many of a hundred retries at once are allowed.
    private func allowed(by budget: inout RetryBudget, at now: Instant) -> Int {
        var allowed = 0
        for _ in 0..<100 where budget.mayRetry(at: now) { allowed += 1 }
        return allowed
    }

    @Test("a tenth of the requests may be retried")
    func share() {
        var budget = budget(share: 0.1, floor: 0)
        for _ in 0..<100 { budget.requested(at: start) }

        let allowed = allowed(by: &budget, at: start)
        #expect(allowed == 10)
    }

    @Test("a few retries a second are allowed without traffic")
    func floor() {
        var budget = budget(share: 0.1, floor: 3)

        let allowed = [0, 9, 12].map { self.allowed(by: &budget, at: start + .seconds($0)) }
        #expect(allowed == [30, 0, 30])
    }

    @Test("requests of long ago allow nothing")
    func window() {
        var budget = budget(share: 0.1, floor: 0)
        for _ in 0..<100 { budget.requested(at: start) }

        let allowed = [10, 12].map { budget.mayRetry(at: start + .seconds($0)) }
        #expect(allowed == [true, false])
    }

    @Test(
        "when every request fails and wants a retry, there is a tenth more load, not twice as much", arguments: 0..<4)
    func overload(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var budget = RetryBudget()
        var (now, retries, requests) = (start, 0, 0)
        while now - start < .seconds(30) {
            now += .microseconds(Int.random(in: 0...2000, using: &random))
            budget.requested(at: now)
            requests += 1
            if budget.mayRetry(at: now) { retries += 1 }
        }

        // The share, and what the floor adds; both may be used anew in each window, to a tenth of it.
        let allowed = 0.1 * Double(requests) + 3 * 40
        #expect(Double(retries) <= allowed * 1.02 && Double(retries) >= 0.1 * Double(requests), "seed \(seed)")
    }
}
