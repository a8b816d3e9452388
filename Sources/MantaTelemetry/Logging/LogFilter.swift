public import Logging
import Synchronization

/// Which levels of messages are written. May change while the process runs.
///
/// ```swift
/// let filter = LogFilter(from: .info)
/// LoggingSystem.bootstrap { _ in LineLogHandler(filter: filter) }
/// filter.set(.info, false)
/// ```
///
/// Whoever logs reads one number, without a lock. Critical messages are always written.
public final class LogFilter: Sendable {
    /// A bit for each level, the least severe first.
    private let mask: Atomic<UInt8>

    /// A filter for messages of this level and all that are more severe.
    public init(from level: Logger.Level = .info) {
        mask = Atomic(Self.critical | UInt8.max << level.index)
    }

    /// The least severe level that is written.
    public var lowest: Logger.Level { Logger.Level(index: mask.load(ordering: .relaxed).trailingZeroBitCount) }

    /// Whether messages of this level are written.
    public func allows(_ level: Logger.Level) -> Bool { mask.load(ordering: .relaxed) & level.bit != 0 }

    /// Says whether messages of this level are written from now on.
    public func set(_ level: Logger.Level, _ isWritten: Bool) {
        if isWritten {
            mask.bitwiseOr(level.bit, ordering: .relaxed)
        } else {
            mask.bitwiseAnd(~level.bit | Self.critical, ordering: .relaxed)
        }
    }

    private static let critical = Logger.Level.critical.bit
}

extension Logger.Level {
    fileprivate var bit: UInt8 { 1 << index }

    fileprivate var index: UInt8 {
        switch self {
        case .trace: 0
        case .debug: 1
        case .info: 2
        case .notice: 3
        case .warning: 4
        case .error: 5
        case .critical: 6
        }
    }

    fileprivate init(index: Int) {
        self =
            switch index {
            case 0: .trace
            case 1: .debug
            case 2: .info
            case 3: .notice
            case 4: .warning
            case 5: .error
            default: .critical
            }
    }
}
