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
