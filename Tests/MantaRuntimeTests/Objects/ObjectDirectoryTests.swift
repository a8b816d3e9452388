import MantaTestKit
import MantaTime
import Testing

@testable import MantaRuntime

@Suite("Object directory")
struct ObjectDirectoryTests {
    let start = Instant.now
    private let id = ObjectID(of: [1])

    private func directory(seed: UInt64 = 1) -> ObjectDirectory<SeededGenerator> {
        ObjectDirectory(
            delays: BackoffDelays(first: .milliseconds(100), longest: .seconds(10)),
            random: SeededGenerator(seed: seed))
    }

    @Test("of those that have a range, the one with the fewest pulls under way is taken")
    func fewest() {
        var directory = directory()
        for node in ["a", "b", "c"] { directory.set(.whole, of: id, at: node) }
        var chosen: [ObjectDirectory<SeededGenerator>.Choice] = []
        for chunk in 0..<6 { chosen.append(directory.choose(for: id, chunk: chunk, at: start)) }

        #expect(["a", "b", "c"].allSatisfy { node in chosen.count { $0 == .pull(node) } == 2 })
        directory.ended(at: "b", .answered, at: start)
        let next = directory.choose(for: id, chunk: 6, at: start)
        #expect(next == .pull("b"))
    }

    @Test("a node that is still fetching serves the ranges that it has, and no others")
    func partial() {
        var directory = directory()
        directory.set(.chunks([2, 3]), of: id, at: "a")

        let choices = [1, 2].map { directory.choose(for: id, chunk: $0, at: start) }
        #expect(choices == [.nobody, .pull("a")])
        #expect(directory.holders(of: id).isEmpty)
    }

    @Test("who has an object is what was told last: a node that isn't named any more isn't asked")
    func toldAnew() {
        var directory = directory()
        directory.set([id.description: ["a", "gone"]])
        directory.set([id.description: ["b"], ObjectID(of: [2]).description: ["c"]])
        #expect(directory.holders(of: id) == ["b"])
        let choices = (0..<8).map { directory.choose(for: id, chunk: $0, at: start) }
        #expect(choices.allSatisfy { $0 == .pull("b") })
        directory.set([id.description: []])
        #expect(directory.choose(for: id, chunk: 0, at: start) == .nobody)
    }

    @Test("a node that failed rests for longer each time, and one that answered doesn't")
    func rest() {
        var directory = directory()
        directory.set(.whole, of: id, at: "a")
        var (now, rests) = (start, [Int]())
        for _ in 0..<9 {
            let choice = directory.choose(for: id, chunk: 0, at: now)
            #expect(choice == .pull("a"))
            directory.ended(at: "a", .failed, at: now)
            guard case .wait(let until) = directory.choose(for: id, chunk: 0, at: now) else { break }
            rests.append(Int((until - now).milliseconds))
            now = until
        }
        #expect(rests == [100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000])

        _ = directory.choose(for: id, chunk: 0, at: now)
        directory.ended(at: "a", .answered, at: now)
        let choice = directory.choose(for: id, chunk: 0, at: now)
        #expect(choice == .pull("a"))
    }

    @Test("pulls that fail together count as one failure, and those nobody wanted as none")
    func together() {
        var directory = directory()
        directory.set(.whole, of: id, at: "a")
        for chunk in 0..<4 { _ = directory.choose(for: id, chunk: chunk, at: start) }
        directory.ended(at: "a", .withdrawn, at: start)
        for _ in 0..<3 { directory.ended(at: "a", .failed, at: start) }

        let choice = directory.choose(for: id, chunk: 0, at: start)
        #expect(choice == .wait(until: start + .milliseconds(100)))
    }

    @Test("a node that is distrusted isn't asked for that object again, whatever it tells")
    func distrust() {
        var directory = directory()
        directory.distrust("a", with: id)
        directory.set(.whole, of: id, at: "a")
        directory.set(.whole, of: ObjectID(of: [2]), at: "a")

        let choices = [id, ObjectID(of: [2])].map { directory.choose(for: $0, chunk: 0, at: start) }
        #expect(choices == [.nobody, .pull("a")])
    }

    @Test("a node that is gone has nothing")
    func gone() {
        var directory = directory()
        directory.set(.whole, of: id, at: "a")
        directory.remove("a")

        let choice = directory.choose(for: id, chunk: 0, at: start)
        #expect(choice == .nobody)
    }

    /// How many of so many ranges the first holder gives when ten nodes fetch them at once, each with a directory and a
    /// plan of its own, and each round tells the others what it has.
    private func rangesFromOrigin(chunks: Int, seed: UInt64) -> Int {
        let layout = ChunkLayout(byteCount: chunks, chunkSize: 1)
        let names = (0..<10).map { "n\($0)" }
        var random = SeededGenerator(seed: seed)
        var directories = names.indices.map { directory(seed: seed &* 100 &+ UInt64($0)) }
        var plans = names.map { _ in FetchPlan(id, layout, present: [], using: &random) }
        var have = names.map { _ in Set<Int>() }
        for node in names.indices { directories[node].set(.whole, of: id, at: "origin") }
        var fromOrigin = 0
        for _ in 0..<1000 where have.contains(where: { $0.count < chunks }) {
            var pulls: [(node: Int, chunk: Int, holder: String)] = []
            for node in names.indices {
                while case .pull(let chunk, let holder) = plans[node].next(from: &directories[node], at: start) {
                    pulls.append((node, chunk, holder))
                }
            }
            for pull in pulls {
                if pull.holder == "origin" { fromOrigin += 1 }
                have[pull.node].insert(pull.chunk)
                plans[pull.node].pulled(pull.chunk)
                directories[pull.node].ended(at: pull.holder, .answered, at: start)
            }
            for node in names.indices {
                for other in names.indices where other != node {
                    directories[node].set(.chunks(have[other]), of: id, at: names[other])
                }
            }
        }
        #expect(have.allSatisfy { $0.count == chunks }, "seed \(seed)")
        return fromOrigin
    }

    @Test("ten nodes that fetch at once pull most of it from each other", arguments: 0..<20)
    func swarm(seed: UInt64) {
        let fromOrigin = rangesFromOrigin(chunks: 200, seed: seed)

        // All would be 2000.
        #expect(fromOrigin < 500, "seed \(seed): \(fromOrigin)")
    }
}
