internal import CONNXRuntime
internal import Synchronization

/// A warning or an error of the runtime.
public struct RuntimeLogEntry: Sendable {
    /// Whether it is an error; else a warning.
    public var isError: Bool
    /// In the runtime's words, without the place in its source.
    public var message: String
}

/// Where the runtime's own messages go: it has one log for the process, and so do we.
enum RuntimeLog {
    private static let receiver = Mutex<(@Sendable (RuntimeLogEntry) -> Void)?>(nil)

    /// From now on `receiver` gets the messages, which are dropped before.
    static func setReceiver(_ receiver: @escaping @Sendable (RuntimeLogEntry) -> Void) {
        Self.receiver.withLock { $0 = receiver }
    }

    /// Called by the runtime on any of its threads and on those that load and run models. The texts are its own and
    /// end with the call.
    static let callback: OrtLoggingFunction = { _, severity, _, _, _, message in
        guard let message = unsafe message else { return }
        guard let receiver = RuntimeLog.receiver.withLock({ $0 }) else { return }
        let isError = severity.rawValue >= ORT_LOGGING_LEVEL_ERROR.rawValue
        let text = unsafe RuntimeFailure.plainWords(String(cString: message))
        receiver(RuntimeLogEntry(isError: isError, message: text))
    }
}
