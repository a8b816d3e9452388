import MantaRuntime
import MantaTestKit
import Testing

@Suite("Budget of a share")
struct ShareBudgetTests {
    @Test("there is exactly the share of all, however few come at a time", arguments: [0.02, 0.1, 0.3, 1])
    func share(share: Double) {
        var budget = ShareBudget(share: share)
        var spent = 0
        for _ in 0..<10_000 {
            budget.earn()
            if budget.spend() { spent += 1 }
        }

        #expect(spent == Int(10_000 * share))
    }

    @Test("what isn't used is saved up, and no more than a burst of it")
    func burst() {
        var budget = ShareBudget(share: 0.5, burst: 3)
        for _ in 0..<1000 { budget.earn() }

        let spent = (0..<5).map { _ in budget.spend() }
        #expect(spent == [true, true, true, false, false])
    }

    @Test("nothing is there at first, and what is given back can be spent again")
    func refund() {
        var budget = ShareBudget(share: 0.5)
        var spent = [budget.spend()]
        budget.earn()
        budget.earn()
        spent += [budget.spend(), budget.spend()]
        budget.refund()
        spent += [budget.spend(), budget.spend()]

        #expect(spent == [false, true, false, true, false])
    }
}
