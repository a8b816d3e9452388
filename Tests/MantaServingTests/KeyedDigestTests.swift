import MantaTestKit
import Testing

@testable import MantaServing

@Suite("Keyed digest")
struct KeyedDigestTests {
    private func digest(_ bytes: [UInt8], after numbers: Int...) -> Int {
        var digest = KeyedDigest()
        for number in numbers { digest.combine(number) }
        unsafe bytes.withUnsafeBytes { unsafe digest.combine($0) }
        return digest.finalize()
    }

    @Test("each bit counts, at every length", arguments: [1, 7, 8, 9, 31, 32, 33, 71, 200])
    func everyBit(count: Int) {
        var random = SeededGenerator(seed: UInt64(count))
        let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }

        var found: Set = [digest(bytes)]
        for bit in 0..<count * 8 {
            var changed = bytes
            changed[bit / 8] ^= 1 << (bit % 8)
            found.insert(digest(changed))
        }

        #expect(found.count == count * 8 + 1)
        #expect(digest(bytes) == digest(Array(bytes)))
    }

    @Test("zeros count, and so does where things stand")
    func order() {
        let zeros = (0..<20).map { digest([UInt8](repeating: 0, count: $0 * 8)) }
        let extremes = [
            digest([], after: -1), digest([], after: 0, -1), digest([], after: -1, 0), digest([], after: -1, -1),
        ]

        #expect(Set(zeros).count == 20)
        #expect(Set(extremes).count == 4)
        #expect(digest([1, 0, 0, 0, 0, 0, 0, 0], after: 2) == digest([], after: 2, 1))
        #expect(digest([], after: 1, 2) != digest([], after: 2, 1))
    }
}
