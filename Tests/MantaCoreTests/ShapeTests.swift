import MantaCore
import Testing

@Suite("Shape")
struct ShapeTests {
    @Test(
        "the number of elements is the product of the sizes",
        arguments: [
            ([], 1), ([3], 3), ([2, 3, 4], 24), ([5, 0], 0), ([1 << 40, 1 << 40, 0], 0),
            ([-1, 2], nil), ([1 << 40, 1 << 40], nil), ([Int.max, 2], nil),
        ] as [([Int], Int?)])
    func elementCount(sizes: [Int], count: Int?) {
        #expect(Shape(sizes).elementCount == count)
    }

    @Test(
        "-1 admits any size, and nothing else differs",
        arguments: [
            ([-1, 64], [1, 64], true), ([-1, 64], [0, 64], true), ([-1, 64], [1, 63], false), ([-1, 64], [64], false),
            ([], [], true), ([], [1], false),
        ] as [([Int], [Int], Bool)])
    func admits(signature: [Int], shape: [Int], fits: Bool) {
        #expect(Shape(signature).admits(Shape(shape)) == fits)
    }

    @Test("it reads as in JSON")
    func description() {
        #expect(Shape([-1, 64]).description == "[-1, 64]")
        #expect(Shape([]).description == "[]")
    }
}
