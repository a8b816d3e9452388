import Synchronization

@testable import MantaFleet

/// A provider that does nothing but remember, or fails.
final class FakeNodes: NodeProvider {
    private struct State {
        var count: Int
        var fault: NodeProviderError?
        var asked: [Int] = []
        var looks = 0
    }

    let name = "fake"
    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(count: count)) }

    /// What it was asked for.
    var asked: [Int] { state.withLock { $0.asked } }
    /// How often it was asked how many there are.
    var looks: Int { state.withLock { $0.looks } }

    func fail(_ fault: NodeProviderError?) { state.withLock { $0.fault = fault } }

    /// Somebody else asks for so many.
    func scale(to count: Int) { state.withLock { $0.count = count } }

    func count() async throws(NodeProviderError) -> Int {
        let (count, fault) = state.withLock { state in
            state.looks += 1
            return (state.count, state.fault)
        }
        if let fault { throw fault }
        return count
    }

    func setCount(_ count: Int, from former: Int) async throws(NodeProviderError) {
        let isRight = state.withLock { state in
            guard state.count == former else { return false }
            state.count = count
            state.asked.append(count)
            return true
        }
        guard isRight else { throw NodeProviderError("there aren't \(former)") }
    }

    /// `w0`, `w1`.
    func number(of worker: NodeRecord) -> Int? { worker.id.suffix(after: "w").flatMap { Int($0) } }
}
