import MantaRuntime
import MantaTime
import Testing

@Suite("Restart budget")
struct RestartBudgetTests {
    let start = Instant.now

    @Test("each restart waits twice as long as the one before, and after the last one it is given up")
    func growingDelays() {
        var budget = RestartBudget()
        var decisions: [RestartBudget.Decision] = []
        for crash in 1...6 { decisions.append(budget.crashed("signal \(crash)", at: start)) }

        #expect(Array(decisions.prefix(5)) == [1, 2, 4, 8, 16].map { .restart(at: start + .seconds($0)) })
        let reason = "it crashed again after 5 restarts in 600 s, the last time: signal 6"
        #expect(decisions.last == .givenUp(reason))
        #expect(budget.decision == .givenUp(reason))
    }

    @Test("what was given up stays so, and the first reason stays too")
    func givenUp() {
        var budget = RestartBudget()
        for crash in 1...6 { _ = budget.crashed("signal \(crash)", at: start) }

        let decision = budget.crashed("signal 7", at: start + .seconds(3600))
        #expect(decision == budget.decision)
        #expect(decision == .givenUp("it crashed again after 5 restarts in 600 s, the last time: signal 6"))
    }

    @Test("a crash now and then is restarted soon, for ever")
    func rare() {
        var budget = RestartBudget()
        for crash in 0..<100 {
            let now = start + .seconds(700 * crash)
            let decision = budget.crashed("signal 9", at: now)
            #expect(decision == .restart(at: now + .seconds(1)))
        }
    }

    @Test("the last few crashes are kept, with the beginnings of their reasons")
    func reasons() {
        var budget = RestartBudget()
        for crash in 0..<100 {
            _ = budget.crashed("\(crash)" + String(repeating: "x", count: 10_000), at: start + .seconds(crash))
        }

        #expect(budget.crashes.map { $0.reason.prefix(3) } == ["95x", "96x", "97x", "98x", "99x"])
        #expect(budget.crashes.allSatisfy { $0.reason.count == 500 })
        #expect(budget.crashes.last?.at == start + .seconds(99))
    }
}
