import MantaCore
import Testing

@testable import MantaServing

@Suite("Cache entry")
struct CacheEntryTests {
    private func key(_ inputs: Tensor?..., outputs: [Int] = [0]) -> CacheKey {
        CacheKey(inputs: inputs, outputs: outputs)
    }

    private func texts(_ texts: String...) -> Tensor { Tensor(shape: [texts.count], strings: texts) }

    @Test("gives outputs of every type and shape as they were")
    func outputs() throws {
        let outputs = [
            Tensor(shape: [2, 1], [1, 2] as [Int8]), Tensor(shape: [], [3] as [Double]), texts("one", "", "three"),
            Tensor(shape: [0, 4], [] as [Float]), Tensor(shape: [1, 1, 3], [true, false, true]),
        ]

        let entry = try #require(CacheEntry(key(texts("x"), nil), outputs, maxBytes: 10_000))

        #expect(entry.outputs.map(\.dataType) == outputs.map(\.dataType))
        #expect(entry.outputs.map(\.shape) == outputs.map(\.shape))
        #expect(zip(entry.outputs, outputs).allSatisfy { $0.byteCount == $1.byteCount && $0.hasSameBytes(as: $1) })
    }

    @Test("answers what was asked, and nothing else")
    func sameKey() throws {
        let keys = [
            key(texts("ab", "c"), nil), key(texts("a", "bc"), nil), key(texts("ab", "d"), nil), key(texts("abc"), nil),
            key(texts("ab", "c"), texts()), key(nil, texts("ab", "c")), key(nil, nil), key(texts(), nil),
            key(texts("ab", "c"), nil, outputs: [1]), key(texts("ab", "c"), nil, outputs: [0, 1]),
            key(texts("ab", "c"), nil, outputs: [1, 0]), key(texts("ab", "c"), nil, outputs: []),
        ]

        for (index, asked) in keys.enumerated() {
            let entry = try #require(CacheEntry(asked, [texts("answer")], maxBytes: 10_000))
            for (other, key) in keys.enumerated() {
                #expect(entry.answers(key) == (other == index), "\(index) \(other)")
            }
        }
    }

    @Test("a large input is kept as it is if its memory is all its own, and copied from within another's")
    func largeInputs() throws {
        let count = CacheEntry.largeInput / 4
        let own = Tensor(shape: [1, count], [Float](repeating: 1, count: count))
        let both = Tensor(shape: [2, count], [Float](repeating: 1, count: 2 * count))
        let part = both.splittingRows([1, 1])[1]
        let small = Tensor(shape: [1], [2] as [Float])
        let owning = try #require(CacheEntry(key(small, own, nil), [small], maxBytes: 1 << 20))
        let copying = try #require(CacheEntry(key(small, part, nil), [small], maxBytes: 1 << 20))
        let other = Tensor(shape: [1, count], [Float](repeating: 1, count: count - 1) + [2])

        for entry in [owning, copying] {
            #expect(entry.answers(key(small, own, nil)))
            #expect(entry.answers(key(small, part, nil)))
            #expect(!entry.answers(key(small, other, nil)))
            #expect(!entry.answers(key(other, own, nil)))
            #expect(entry.outputs[0].values() == [2] as [Float])
        }
        #expect(owning.byteCount == copying.byteCount)
        #expect(CacheEntry(key(small, own, nil), [small], maxBytes: owning.byteCount - 1) == nil)
        #expect(CacheEntry(key(small, part, nil), [small], maxBytes: copying.byteCount) != nil)
    }
}
