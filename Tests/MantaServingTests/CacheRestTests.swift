import MantaCore
import MantaTestKit
import MantaTime
import Testing

@testable import MantaServing

@Suite("Rests of a response cache", .timeLimit(.minutes(1)))
struct CacheRestTests {
    private static func looks(
        _ rest: inout CacheRest, _ count: Int = CacheRest.window, hits: Int = 0, run: Duration = .microseconds(50)
    ) {
        for number in 0..<count {
            let isHit = number * hits / count != (number + 1) * hits / count
            rest.looked(isHit: isHit)
            if !isHit { rest.ran(run) }
        }
    }

    @Test("it rests after a window with next to no hits, and no longer once there are enough")
    func rests() {
        var rest = CacheRest()
        Self.looks(&rest, CacheRest.window - 1, hits: CacheRest.enough - 1)
        #expect(rest.part == nil)
        Self.looks(&rest, 1)
        #expect(rest.part != nil)
        Self.looks(&rest, hits: CacheRest.enough - 1)
        #expect(rest.part != nil)
        Self.looks(&rest, CacheRest.enough, hits: CacheRest.enough)
        #expect(rest.part == nil)
    }

    @Test("it doesn't rest where enough is asked twice, nor where runs are long or unknown")
    func looksOn() {
        var rest = CacheRest()
        Self.looks(&rest, 10 * CacheRest.window, hits: 10 * CacheRest.enough)
        #expect(rest.part == nil)
        Self.looks(&rest, 10 * CacheRest.window, run: CacheRest.shortRun)
        #expect(rest.part == nil)
        var unknown = CacheRest()
        for _ in 0..<CacheRest.window { unknown.looked(isHit: false) }
        #expect(unknown.part == nil)
    }

    @Test("each part of the digests has its turn, and all are of one size")
    func parts() {
        var rest = CacheRest()
        var turns: Set<Int> = []
        for _ in 0..<CacheRest.parts {
            Self.looks(&rest)
            rest.part.map { _ = turns.insert($0) }
        }
        #expect(turns == Set(0..<CacheRest.parts))
        var sizes: [Int: Int] = [:]
        for digest in 0..<1 << 16 { sizes[CacheRest.part(of: digest << (Int.bitWidth - 16)), default: 0] += 1 }
        #expect(sizes == Dictionary(uniqueKeysWithValues: turns.map { ($0, 1 << 12) }))
    }

    @Test("it no longer rests once a single request comes again and again, whatever its digest")
    func single() {
        for hot in 0..<CacheRest.parts {
            var rest = CacheRest()
            Self.looks(&rest)
            // Every second request, of which those of the part are looked for.
            var requests = 0
            while let part = rest.part, requests <= 2 * CacheRest.parts * CacheRest.parts * CacheRest.window {
                requests += 2
                if requests / 2 % CacheRest.parts == part { Self.looks(&rest, 1) }
                if hot == part { rest.looked(isHit: true) }
            }
            #expect(rest.part == nil)
        }
    }

    @Test("a version looks for few of the requests while its cache rests, and for all once they come back")
    func version() async throws {
        try await serving(FakeEngine { $0.compactMap(\.self) }, time: ManualTime()) {
            $0.responseCache = .init()
        } body: { version in
            func ask(_ value: Int) async throws -> InferenceTiming.CacheUse? {
                let tensor = Tensor(shape: [1, 2], [Float(value), 0])
                return try await version.answer(InferenceRequest(inputs: [NamedTensor("x", tensor)])).timing.cache
            }
            for value in 0..<CacheRest.window { _ = try await ask(value) }
            #expect(version.cache?.isResting == true)

            var looked = 0
            for value in 1...1600 where try await ask(-value) != nil { looked += 1 }
            #expect((20...300).contains(looked))

            // Of some hundred that are looked for, all are hits.
            for value in 1...1600 where version.cache?.isResting == true { _ = try await ask(-value) }
            #expect(version.cache?.isResting == false)
            #expect(try await ask(1) != nil)
        }
    }
}
