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
        var table = CacheTable<Int, Int>(maxBytes: 100)
        var expected: [Expected] = []
        for step in 0..<400 {
            now += .milliseconds(Int.random(in: 0...3, using: &random))
            let key = Int.random(in: 0...12, using: &random)
            if Bool.random(using: &random) {
                let size = Int.random(in: 1...110, using: &random)
                let expires = Bool.random(using: &random) ? now + .milliseconds(20) : nil
                table.insert(key, step, byteCount: size, expires: expires)
                if size <= 100 {
                    expected.removeAll { $0.key == key }
                    while expected.reduce(size, { $0 + $1.size }) > 100 { expected.removeFirst() }
                    expected.append(Expected(key: key, value: step, size: size, expires: expires))
                }
            } else {
                let found = table.value(of: key, at: now)
                var entry = expected.firstIndex { $0.key == key }.map { expected.remove(at: $0) }
                if let expires = entry?.expires, expires <= now { entry = nil }
                if let entry { expected.append(entry) }
                #expect(found == entry?.value)
            }
            #expect(table.byteCount == expected.reduce(0) { $0 + $1.size })
            #expect(table.byteCount <= 100)
            #expect(table.count == expected.count)
        }
        #expect(table.evictions > 0)

        table.removeAll()
        #expect((table.count, table.byteCount) == (0, 0))
        #expect((0...12).allSatisfy { table.value(of: $0, at: now) == nil })
    }
}
