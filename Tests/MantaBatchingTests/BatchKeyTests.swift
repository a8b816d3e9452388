import MantaBatching
import MantaCore
import Testing

@Suite("Batch key")
struct BatchKeyTests {
    private func input(_ shape: Shape) -> Tensor {
        Tensor(shape: shape, [Float](repeating: 0, count: shape.elementCount ?? 0))
    }

    @Test("requests share a batch whose sizes differ in the first dimension only")
    func rows() {
        #expect(
            BatchKey(inputs: [input([1, 3]), nil], outputs: [0])
                == BatchKey(inputs: [input([7, 3]), nil], outputs: [0]))
        #expect(BatchKey(inputs: [input([1, 3])], outputs: [0]) != BatchKey(inputs: [input([1, 4])], outputs: [0]))
        #expect(BatchKey(inputs: [input([1, 3])], outputs: [0]) != BatchKey(inputs: [input([1, 3])], outputs: [1]))
        #expect(
            BatchKey(inputs: [input([1, 3]), nil], outputs: [0])
                != BatchKey(inputs: [nil, input([1, 3])], outputs: [0]))
    }

    @Test("a padded dimension counts as the size that it is given, the others as they are")
    func padded() {
        func key(_ first: Shape, _ second: Shape, length: Int = 16) -> BatchKey {
            BatchKey(inputs: [input(first), input(second)], outputs: [0], padded: [1, nil], length: length)
        }

        #expect(key([1, 3, 2], [1, 5]) == key([2, 4, 2], [2, 5]))
        #expect(key([1, 3, 2], [1, 5]) != key([1, 3, 3], [1, 5]))
        #expect(key([1, 3, 2], [1, 5]) != key([1, 3, 2], [1, 6]))
        #expect(key([1, 3, 2], [1, 5]) != key([1, 3, 2], [1, 5], length: 32))
    }
}
