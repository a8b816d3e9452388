import MantaCore
import MantaTestKit
import Testing

@Suite("Tensor")
struct TensorTests {
    @Test("numbers come back as they went in, and only as their own type")
    func values() {
        let tensor = Tensor(shape: [2, 2], [1, 2, 3, 4] as [Float])

        #expect(tensor.values() == [1, 2, 3, 4] as [Float])
        #expect(tensor.values(as: Int32.self) == nil)
        #expect(tensor.byteCount == 16)
    }

    @Test("memory is aligned for vector loads", arguments: [0, 1, 63, 1000])
    func alignment(count: Int) {
        let tensor = Tensor(shape: [count], [UInt8](repeating: 1, count: count))

        let address = unsafe tensor.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
        #expect(address % TensorBuffer.alignment == 0)
    }

    @Test("elements of BYTES may hold any bytes, and none")
    func bytes() {
        let elements: [[UInt8]] = [[], [0, 255], Array("text".utf8)]

        #expect(Tensor(shape: [3], elements: elements).elements == elements)
    }

    @Test(
        "lengths that don't add up are no BYTES tensor",
        arguments: [
            ([], 1), ([1, 0, 0], 1), ([2, 0, 0, 0, 7], 1), ([0, 0, 0, 0], 2), ([0, 0, 0, 0, 9], 1),
            ([255, 255, 255, 255], 1), ([0, 0, 0, 0], 0), ([0, 0, 0, 0], Int.max),
        ] as [([UInt8], Int)])
    func brokenBytes(bytes: [UInt8], count: Int) {
        unsafe bytes.withUnsafeBytes {
            let ranges = unsafe Tensor.elementRanges(in: $0, count: count)
            #expect(ranges == nil)
        }
    }

    @Test("rows that are joined and cut again are the same, for every type", arguments: DataType.allCases)
    func rows(type: DataType) throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<50 {
            let counts = (0..<Int.random(in: 1...5, using: &random)).map { _ in Int.random(in: 0...4, using: &random) }
            let parts = counts.map { sample(type, rows: $0, columns: 3, using: &random) }

            let joined = Tensor.joiningRows(parts)
            let cut = joined.splittingRows(counts)

            #expect(joined.rowCount == counts.reduce(0, +))
            #expect(cut.map(\.shape) == parts.map(\.shape))
            #expect(cut.map(contents) == parts.map(contents))
        }
    }

    @Test("a part of a part is cut from the right place")
    func partOfPart() {
        let tensor = Tensor(shape: [6], [0, 1, 2, 3, 4, 5] as [Int64])

        let middle = tensor.splittingRows([1, 4, 1])[1]

        #expect(middle.splittingRows([2, 2]).map { $0.values() ?? [] } == [[1, 2], [3, 4]] as [[Int64]])
    }

    private func sample(
        _ type: DataType, rows: Int, columns: Int, using random: inout SeededGenerator
    ) -> Tensor {
        let shape = Shape([rows, columns])
        guard let width = type.byteWidth else {
            return Tensor(
                shape: shape,
                elements: (0..<rows * columns).map { _ in
                    (0..<Int.random(in: 0...5, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                })
        }
        let bytes = (0..<rows * columns * width).map { _ in UInt8.random(in: 0...255, using: &random) }
        return unsafe Tensor(type, shape: shape, byteCount: bytes.count) { unsafe $0.copyBytes(from: bytes) }
    }

    private func contents(_ tensor: Tensor) -> [UInt8] {
        unsafe tensor.withUnsafeBytes { unsafe Array($0) }
    }
}
