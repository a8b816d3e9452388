import MantaTestKit
import MantaTime
import Testing

@testable import MantaRuntime

@Suite("Fetch plan")
struct FetchPlanTests {
    private let id = ObjectID(of: [1])

    @Test("ranges cover an object once", arguments: [(0, 0), (1, 1), (9, 1), (10, 1), (11, 2), (100, 10)])
    func layout(byteCount: Int, count: Int) {
        let layout = ChunkLayout(byteCount: byteCount, chunkSize: 10)

        #expect(layout.count == count)
        #expect((0..<count).flatMap { Array(layout.range(of: $0)) } == Array(0..<byteCount))
    }

    @Test("the largest object there can be has ranges too")
    func largest() {
        let layout = ChunkLayout(byteCount: .max, chunkSize: 4 << 20)

        #expect(layout.range(of: layout.count - 1).upperBound == .max)
    }

    @Test("whatever fails, each range is pulled until it is there, and no more than a few at once", arguments: 0..<100)
    func random(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var directory = ObjectDirectory(random: SeededGenerator(seed: seed))
        for node in ["a", "b", "c"] { directory.set(.whole, of: id, at: node) }
        let layout = ChunkLayout(byteCount: 40, chunkSize: 1)
        let present = Set((0..<40).filter { _ in Bool.random(using: &random) })
        var plan = FetchPlan(id, layout, present: present, using: &random)
        var (now, pulled, underWay) = (Instant.now, present, [(chunk: Int, holder: String)]())
        loop: while true {
            switch plan.next(from: &directory, at: now) {
            case .pull(let chunk, let holder):
                #expect(!pulled.contains(chunk) && !underWay.contains { $0.chunk == chunk }, "seed \(seed)")
                underWay.append((chunk, holder))
                #expect(underWay.count <= FetchPlan.parallel, "seed \(seed)")
                continue
            case .done: break loop
            case .failed(let error):
                Issue.record("seed \(seed): \(error)")
                break loop
            case .rest(let until): now = underWay.isEmpty ? until : now
            case .waitForPull: break
            }
            guard let place = underWay.indices.randomElement(using: &random) else { continue }
            let (chunk, holder) = underWay.remove(at: place)
            if Int.random(in: 0..<10, using: &random) == 0 {
                directory.ended(at: holder, .failed, at: now)
                let error = plan.failed(chunk, "cut", holders: 100)
                #expect(error == nil, "seed \(seed)")
            } else {
                directory.ended(at: holder, .answered, at: now)
                plan.pulled(chunk)
                pulled.insert(chunk)
            }
        }
        #expect(pulled.count == 40, "seed \(seed)")
    }

    @Test("a range that fails again and again ends the fetch with the last reason")
    func givesUp() {
        var random = SeededGenerator(seed: 1)
        var directory = ObjectDirectory(random: random)
        directory.set(.whole, of: id, at: "a")
        var plan = FetchPlan(id, ChunkLayout(byteCount: 1, chunkSize: 1), present: [], using: &random)
        var (now, error, failures) = (Instant.now, ObjectError?.none, 0)
        while error == nil {
            switch plan.next(from: &directory, at: now) {
            case .pull(let chunk, let holder):
                directory.ended(at: holder, .failed, at: now)
                failures += 1
                error = plan.failed(chunk, "cut \(failures)", holders: 1)
            case .rest(let until): now = until
            default: break
            }
        }

        #expect(error?.message == "object \(id): a range failed 5 times, the last: node a: cut 5")
    }
}
