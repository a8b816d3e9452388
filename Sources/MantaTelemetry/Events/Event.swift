/// Something that happened to what is served, for operators.
public struct Event: Sendable, Hashable, Encodable {
    /// What it happened to.
    public enum Kind: String, Sendable, Hashable, Encodable, CaseIterable {
        case deployment, version, replica, update, scale, configuration, server
    }

    /// Whether somebody has to look at it.
    public enum Severity: String, Sendable, Hashable, Encodable, CaseIterable {
        /// As it should be.
        case info
        /// Serves, but needs a look.
        case warning
        /// Something can't be served.
        case error
    }

    /// One more than that of the event before. The first of a process is 1.
    public let id: UInt64
    /// When it happened.
    public let at: Timestamp
    /// What it happened to.
    public let kind: Kind
    /// The deployment that it is about, if it is about one.
    public let deployment: String?
    /// The version that it is about, if it is about one.
    public let version: Int?
    /// Whether somebody has to look at it.
    public let severity: Severity
    /// For people: `replica 1 is ready`.
    public let message: String
}
