import MantaCore
import MantaONNX
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Running a model from several threads")
struct ConcurrencyTests {
    /// What all threads share.
    private final class Work: Sendable {
        let model: any LoadedModel
        let number = Atomic(0)
        let faults = Atomic(0)
        let runs = Atomic(0)

        init(_ model: any LoadedModel) { self.model = model }

        /// Runs with numbers that no other thread has, and batches of differing sizes.
        func run() {
            let thread = number.add(1, ordering: .relaxed).newValue
            for turn in 0..<300 {
                let rows = 1 + (turn + thread) % 9
                let values = (0..<2 * rows).map { Float(1000 * thread + turn + $0) }
                let input = Tensor(shape: [rows, 2], values)
                let output = try? model.run([input, input], outputs: [0])
                if output?[0].values(as: Float.self) != values.map({ 2 * $0 }) { faults.add(1, ordering: .relaxed) }
                runs.add(1, ordering: .relaxed)
            }
        }
    }

    @Test("each thread gets the answers to its own questions")
    func concurrentRuns() throws {
        let work = try Work(Fixture.model("add"))

        // Threads of their own, since a run blocks and the tests' pool has few.
        var threads: [pthread_t] = []
        for _ in 0..<8 {
            var thread = pthread_t()
            let argument = unsafe Unmanaged.passRetained(work).toOpaque()
            let failure = unsafe pthread_create(
                &thread, nil,
                { argument in
                    guard let argument = unsafe argument else { return nil }
                    unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run()
                    return nil
                }, argument)
            try #require(failure == 0)
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }

        #expect(work.runs.load(ordering: .relaxed) == 8 * 300)
        #expect(work.faults.load(ordering: .relaxed) == 0)
    }
}
