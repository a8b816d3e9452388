/// Why a command didn't do what it was asked for.
package struct ClientError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Whose fault it is, and so what a script may do about it.
    package enum Kind: Sendable, Hashable {
        /// The command was called wrongly.
        case usage
        /// What was to be sent is wrong.
        case data
        /// The configuration is wrong.
        case configuration
        /// The server wants credentials, or others.
        case unauthorised
        /// Nothing answers, or what answers can't or won't.
        case unavailable
        /// It goes on, but isn't done within the time given.
        case unfinished
        /// The change was tried and failed.
        case failed
    }

    /// Whose fault it is.
    package var kind: Kind
    /// What was found and what was expected.
    package var message: String

    /// An error.
    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// The message.
    package var description: String { message }
}
