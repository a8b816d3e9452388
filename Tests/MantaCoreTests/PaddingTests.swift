import MantaTestKit
import Testing

@testable import MantaCore

@Suite("Tensors that are filled up")
struct PaddingTests {
    @Test("what is joined, filled up, cut in rows and cut back is as before", arguments: 0..<200 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let rank = Int.random(in: 2...4, using: &random)
        let dimension = Int.random(in: 1..<rank, using: &random)
        let sizes = (0..<rank).map { _ in Int.random(in: 1...3, using: &random) }
        let parts = (0..<Int.random(in: 1...4, using: &random)).map { _ in
            var sizes = sizes
            sizes[0] = Int.random(in: 0...3, using: &random)
            sizes[dimension] = Int.random(in: 0...9, using: &random)
            let count = sizes.reduce(1, *)
            return Tensor(shape: Shape(sizes), (0..<count).map { _ in Int16.random(in: 1...999, using: &random) })
        }
        let longest = parts.map(\.shape.dimensions[dimension]).max() ?? 0
        let length = longest + Int.random(in: 0...2, using: &random)

        let joined = Tensor.joiningRows(parts, filling: dimension, to: length, with: [0xFF, 0xFE])
        let rows = joined.splittingRows(parts.map { $0.rowCount ?? 0 })

        #expect(joined.shape.dimensions[dimension] == length)
        for (row, part) in zip(rows, parts) {
            let own = row.cutting([dimension], to: part.shape.dimensions[dimension])
            #expect(own.shape == part.shape)
            #expect(own.values(as: Int16.self) == part.values(as: Int16.self))
        }
        // Everything else is the filling, which no part has.
        let filled = joined.values(as: Int16.self)?.count { $0 == Int16(bitPattern: 0xFEFF) }
        #expect(filled == joined.elementCount - parts.reduce(0) { $0 + $1.elementCount })
    }

    @Test("rows are filled up at their ends")
    func fillsEnds() {
        let short = Tensor(shape: [2, 1], [1, 2] as [Int64])
        let long = Tensor(shape: [1, 3], [3, 4, 5] as [Int64])

        let joined = Tensor.joiningRows([short, long], filling: 1, to: 3, with: [UInt8](repeating: 0, count: 8))

        #expect(joined.shape == [3, 3])
        #expect(joined.values() == [1, 0, 0, 2, 0, 0, 3, 4, 5] as [Int64])
    }

    @Test("tensors of that length alone aren't copied")
    func aloneIsNotCopied() {
        let part = Tensor(shape: [2, 2], [1, 2, 3, 4] as [Float])

        #expect(Tensor.joiningRows([part], filling: 1, to: 2, with: [0, 0, 0, 0]).buffer === part.buffer)
        #expect(part.cutting([1], to: 2).buffer === part.buffer)
    }

    @Test("several dimensions are cut, and texts too")
    func cuts() {
        let square = Tensor(shape: [1, 3, 3], (0..<9).map(Float.init))
        let texts = Tensor(shape: [2, 2], strings: ["a", "bc", "def", ""])

        #expect(square.cutting([1, 2], to: 2).values() == [0, 1, 3, 4] as [Float])
        #expect(texts.cutting([1], to: 1).elements == [Array("a".utf8), Array("def".utf8)])
    }
}
