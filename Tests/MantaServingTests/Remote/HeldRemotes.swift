import MantaCore
import MantaTestKit
import Synchronization

@testable import MantaServing

/// Two servers elsewhere with one replica each, which answer when a test says so.
final class HeldRemotes: Sendable {
    /// A batch that waits for its answer.
    struct Held: Sendable {
        let number: Int
        let address: RemoteAddress
        let trace: TraceContext?
        fileprivate let input: Tensor
        fileprivate let continuation: CheckedContinuation<Result<[Tensor], RemoteFailure>, Never>
    }

    private struct State {
        var held: [Int: Held] = [:]
        var calledOff: Set<Int> = []
        var count = 0
        var called: [RemoteAddress] = []
    }

    static let addresses = ["first", "second"].map { RemoteAddress("http://\($0):8000/v2/models/m")! }

    let remotes = FakeRemotes([:])
    private let state = Mutex(State())

    init(maxRows: Int = 1) {
        for address in Self.addresses {
            remotes.change(address) { server in
                server.description = .success(
                    RemoteDescription(signature: .twoColumns, maxRows: maxRows, replicas: 1))
                server.run = { (batch: RemoteBatch) async throws(RemoteFailure) -> [Tensor] in
                    try await self.hold(batch, at: address).get()
                }
            }
        }
    }

    /// Batches that they got, in all.
    var count: Int { state.withLock { $0.count } }

    /// Where batches were called off.
    var calledOff: [RemoteAddress] { state.withLock { $0.called } }

    /// What waits for its answer, once that is so many.
    func held(_ count: Int) async -> [Held] {
        while true {
            let held = state.withLock { $0.held.values.sorted { $0.number < $1.number } }
            if held.count == count { return held }
            await Task.yield()
        }
    }

    /// Gives a batch its input back, or fails it.
    func answer(_ held: Held, _ failure: RemoteFailure? = nil) {
        let isThere = state.withLock { $0.held.removeValue(forKey: held.number) != nil }
        guard isThere else { return }
        held.continuation.resume(returning: failure.map { .failure($0) } ?? .success([held.input]))
    }

    private func hold(_ batch: RemoteBatch, at address: RemoteAddress) async -> Result<[Tensor], RemoteFailure> {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        let calledOff = Result<[Tensor], RemoteFailure>.failure(RemoteFailure(.lost, "called off"))
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.calledOff.contains(number) { return true }
                    state.held[number] = Held(
                        number: number, address: address, trace: batch.trace, input: batch.inputs[0]!,
                        continuation: continuation)
                    return false
                }
                if isOver { continuation.resume(returning: calledOff) }
            }
        } onCancel: {
            let held = state.withLock { state in
                state.calledOff.insert(number)
                state.called.append(address)
                return state.held.removeValue(forKey: number)
            }
            held?.continuation.resume(returning: calledOff)
        }
    }
}
