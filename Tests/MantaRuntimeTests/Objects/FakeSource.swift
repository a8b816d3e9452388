import MantaRuntime
import Synchronization

/// A node that has one object in memory, whole or in part, right or wrong.
final class FakeSource: ObjectSource {
    struct Cut: Error {}

    private let bytes: [UInt8]
    private let answer: @Sendable (_ read: Int, _ range: Range<Int>) async throws -> Void
    private let reads = Mutex<[Range<Int>]>([])

    /// A node with these bytes.
    ///
    /// - Parameters:
    ///   - bytes: What it takes for the object.
    ///   - answer: What happens before the read of this number is answered; an error is its answer.
    init(
        _ bytes: [UInt8],
        answer: @escaping @Sendable (_ read: Int, _ range: Range<Int>) async throws -> Void = { _, _ in }
    ) {
        (self.bytes, self.answer) = (bytes, answer)
    }

    /// What was read so far, in order.
    var ranges: [Range<Int>] { reads.withLock { $0 } }

    func read(_ id: ObjectID, _ range: Range<Int>) async throws -> [UInt8] {
        let number = reads.withLock { reads in
            reads.append(range)
            return reads.count
        }
        try await answer(number, range)
        return Array(bytes[range.clamped(to: 0..<bytes.count)])
    }
}
