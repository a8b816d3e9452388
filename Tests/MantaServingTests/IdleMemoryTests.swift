import MantaCore
import MantaServing
import MantaTestKit
import MantaTime
import Synchronization
import Testing

/// An engine whose models are the identity and count how often they were asked for their memory.
private final class KeepingEngine: Engine {
    final class Model: LoadedModel {
        let signature = ModelSignature.twoColumns
        let keepsMemory = true
        let engine: KeepingEngine

        init(_ engine: KeepingEngine) { self.engine = engine }

        func run(_ inputs: [Tensor?], outputs: [Int]) throws(ServingError) -> [Tensor] { inputs.compactMap(\.self) }

        func giveBackMemory() { engine.returns.add(1, ordering: .relaxed) }
    }

    let name = "keeping"
    let platform = "keeping_model"
    let defaultFileName = "model.keeping"
    let returns = Atomic(0)

    func load(_ source: ModelSource) throws(ServingError) -> any LoadedModel { Model(self) }
}

@Suite("Memory of idle models", .timeLimit(.minutes(1)))
struct IdleMemoryTests {
    @Test("a model gives memory back once after each time in which it had something to do")
    func givesBack() async throws {
        let (engine, time) = (KeepingEngine(), ManualTime())
        try await serving(engine, time: time) { version in
            while version.replicas.isEmpty { await Task.yield() }

            /// Lets so many seconds pass, and it look around each time.
            func pass(_ seconds: Int) async {
                for _ in 0..<seconds {
                    await time.sleeperExists(until: time.now + .seconds(2))
                    time.advance(by: .seconds(1))
                }
                await time.sleeperExists(until: time.now + .seconds(2))
            }
            func infer() async throws {
                let tensor = Tensor(shape: [1, 2], [1, 2] as [Float])
                _ = try await version.answer(InferenceRequest(inputs: [NamedTensor("x", tensor)]))
            }

            // What warming up needed.
            await pass(2)
            #expect(engine.returns.load(ordering: .relaxed) == 1)
            await pass(10)
            #expect(engine.returns.load(ordering: .relaxed) == 1)

            // Never while there is something to do.
            for _ in 0..<3 {
                try await infer()
                await pass(2)
            }
            #expect(engine.returns.load(ordering: .relaxed) == 1)
            // The replica of the last request may be at work until somewhat later.
            while engine.returns.load(ordering: .relaxed) < 2 { await pass(1) }
            await pass(10)
            #expect(engine.returns.load(ordering: .relaxed) == 2)
        }
    }
}
