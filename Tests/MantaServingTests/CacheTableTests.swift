import MantaTestKit
import MantaTime
import Testing

@testable import MantaServing

@Suite("Cache table")
struct CacheTableTests {
    /// One entry as it should be, the last used last.
    private struct Expected: Equatable {
        var key: Int
        var value: Int
        var size: Int
        var expires: Instant?
    }

    @Test("keeps within its bytes what was used last, whatever comes", arguments: 0..<50 as Range<UInt64>)
    func leastRecentlyUsedGoes(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var now = Instant.now
        var table = CacheTable<(key: Int, step: Int)>(maxBytes: 100)
        // Few, so that some keys share one and more share a chain.
        let digests = (0...12).map { _ in Int.random(in: -3...3, using: &random) }
        var expected: [Expected] = []
        for step in 0..<400 {
            now += .milliseconds(Int.random(in: 0...3, using: &random))
            let key = Int.random(in: 0...12, using: &random)
            if !expected.contains(where: { $0.key == key }), Bool.random(using: &random) {
                let size = Int.random(in: 1...110, using: &random)
                let expires = Bool.random(using: &random) ? now + .milliseconds(20) : nil
                table.insert((key, step), digest: digests[key], byteCount: size, expires: expires)
                if size <= 100 {
                    while expected.reduce(size, { $0 + $1.size }) > 100 { expected.removeFirst() }
                    expected.append(Expected(key: key, value: step, size: size, expires: expires))
                }
            } else {
                let found = table.value(digests[key], at: now) { $0.key == key }
                var entry = expected.firstIndex { $0.key == key }.map { expected.remove(at: $0) }
                if let expires = entry?.expires, expires <= now { entry = nil }
                if let entry { expected.append(entry) }
                #expect(found?.step == entry?.value)
            }
            #expect(table.byteCount == expected.reduce(0) { $0 + $1.size })
            #expect(table.byteCount <= 100)
            #expect(table.count == expected.count)
        }
        #expect(table.evictions > 0)

        table.removeAll()
        #expect((table.count, table.byteCount) == (0, 0))
        #expect(digests.allSatisfy { table.value($0, at: now) { _ in true } == nil })
    }
}
