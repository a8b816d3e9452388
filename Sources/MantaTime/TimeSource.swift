/// Where the time comes from: the machine's clock, or a test's hand.
///
/// Instants are monotonic: they aren't moved by setting the clock.
public protocol TimeSource: Sendable {
    /// The present.
    var now: Instant { get }

    /// Returns at `deadline`, or throws `CancellationError` as soon as the task is cancelled.
    func sleep(until deadline: Instant) async throws
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
