/// Where the time comes from: the machine's clock, or a test's hand.
///
/// Instants are monotonic: they aren't moved by setting the clock.
public protocol TimeSource: Sendable {
    /// The present.
    var now: Instant { get }

    /// Returns at `deadline`, or throws `CancellationError` as soon as the task is cancelled.
    func sleep(until deadline: Instant) async throws

    /// A number from 0 to 1 by chance, by which waits differ: those who lost something together don't all come back for
    /// it together. It comes from here so that whoever has the clock in hand has that too.
    func jitter() -> Double
}

extension TimeSource {
    /// A number from 0 to 1 by chance.
    public func jitter() -> Double { .random(in: 0...1) }

    /// Does something for so long at most.
    ///
    /// - Parameters:
    ///   - limit: How long.
    ///   - work: What. It is cancelled when the time is over, and waited for.
    /// - Returns: Its result; `nil` if the time was over first.
    /// - Throws: What it throws.
    package func result<Result: Sendable>(
        within limit: Duration, of work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result? {
        let deadline = now + limit
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await self.sleep(until: deadline)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}

/// The machine's monotonic clock.
public struct MachineTime: TimeSource {
    /// The machine's monotonic clock.
    public init() {}

    /// The present.
    @inline(__always)
    public var now: Instant { .now }

    /// Returns at `deadline`, or throws `CancellationError` as soon as the task is cancelled.
    public func sleep(until deadline: Instant) async throws {
        try await Task.sleep(for: deadline - now, clock: .continuous)
    }
}
