#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif
import MantaCore
import Synchronization

/// How much memory copies of clients' tensors may take at a time.
final class MemoryBudget: Sendable {
    private let limit: Int
    private let used = Mutex(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// A buffer that counts for as long as it lives, and that `body` writes, all of it.
    ///
    /// - Throws: What `body` throws, or ``ServingError`` with code `overloaded`.
    func buffer(
        _ byteCount: Int, initializing body: (UnsafeMutableRawBufferPointer) throws(ServingError) -> Void
    ) throws(ServingError) -> TensorBuffer {
        let block = try Block(byteCount, of: self)
        try unsafe body(UnsafeMutableRawBufferPointer(start: block.start, count: byteCount))
        return unsafe TensorBuffer(referringTo: block.start, byteCount: byteCount, owner: block)
    }

    private func take(_ byteCount: Int) throws(ServingError) {
        let isTaken = used.withLock { used in
            guard byteCount <= limit - used else { return false }
            used += byteCount
            return true
        }
        guard isTaken else {
            throw ServingError(
                .overloaded,
                "\(byteCount) bytes of shared memory are too many now: requests may hold \(limit) bytes of it together",
                retryAfter: byteCount <= limit ? .seconds(1) : nil)
        }
    }

    private func giveBack(_ byteCount: Int) {
        used.withLock { $0 -= byteCount }
    }

    /// Memory that gives itself back.
    ///
    /// Unchecked Sendable: the pointer is constant, and what is behind it is written only before anybody else has it.
    @safe private final class Block: @unchecked Sendable {
        let start: UnsafeMutableRawPointer
        private let byteCount: Int
        private let budget: MemoryBudget

        init(_ byteCount: Int, of budget: MemoryBudget) throws(ServingError) {
            try budget.take(byteCount)
            var memory: UnsafeMutableRawPointer?
            guard unsafe posix_memalign(&memory, TensorBuffer.alignment, max(byteCount, 1)) == 0,
                let memory = unsafe memory
            else {
                budget.giveBack(byteCount)
                throw ServingError(.overloaded, "there is no memory for \(byteCount) bytes of shared memory")
            }
            unsafe start = memory
            self.byteCount = byteCount
            self.budget = budget
        }

        deinit {
            unsafe free(start)
            budget.giveBack(byteCount)
        }
    }
}
