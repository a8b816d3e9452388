#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A moment of the machine's monotonic clock, to the nanosecond. It isn't moved by setting the clock.
///
/// In place of `ContinuousClock.Instant`, whose layout the compiler doesn't know: whatever has one in it, as most of what
/// a request consists of has, is then copied and destroyed by way of tables at run time.
public struct Instant: Sendable, Hashable, Comparable {
    /// Since the machine was started, the time that it slept included.
    private let nanoseconds: Int64

    private init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// When the machine was started.
    package static let origin = Instant(nanoseconds: 0)

    /// The present.
    public static var now: Instant {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Whole seconds since the machine was started.
    public var secondsSinceStart: Int64 { nanoseconds / 1_000_000_000 }

    /// Whether one is before the other.
    public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    /// From the right one to the left one.
    public static func - (left: Instant, right: Instant) -> Duration {
        .of(nanoseconds: left.nanoseconds - right.nanoseconds)
    }

    /// Later by a duration. What would be centuries away is as far away as can be.
    public static func + (instant: Instant, duration: Duration) -> Instant {
        let (sum, overflows) = instant.nanoseconds.addingReportingOverflow(duration.nanoseconds)
        return Instant(nanoseconds: overflows ? (duration < .zero ? .min : .max) : sum)
    }

    /// Earlier by a duration.
    public static func - (instant: Instant, duration: Duration) -> Instant {
        let (difference, overflows) = instant.nanoseconds.subtractingReportingOverflow(duration.nanoseconds)
        return Instant(nanoseconds: overflows ? (duration < .zero ? .max : .min) : difference)
    }

    /// Moves it on by a duration.
    public static func += (instant: inout Instant, duration: Duration) {
        instant = instant + duration
    }
}

extension Duration {
    /// So many nanoseconds. `Duration.nanoseconds(_:)`, which takes integers of any type, takes several times as long.
    ///
    /// It is in this file, behind what reads the clock: where the compiler looks for initializers of `Duration` first, it
    /// finds no `timespec` in the C library afterwards (Swift 6.3).
    static func of(nanoseconds: Int64) -> Duration {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return Duration(secondsComponent: seconds, attosecondsComponent: rest * 1_000_000_000)
    }
}
