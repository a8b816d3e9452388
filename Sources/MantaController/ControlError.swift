import MantaStore

/// Why a change isn't made. Nothing has changed then.
package struct ControlError: Error, Sendable {
    /// Whose fault it is.
    package enum Code: Sendable {
        /// There is no such deployment.
        case notFound
        /// What was asked for is wrong; the message names the field.
        case invalid
        /// It can't be done as things are.
        case conflict
        /// The store can't be written now.
        case unavailable
    }

    /// Whose fault it is.
    package var code: Code
    /// For the caller.
    package var message: String

    package init(_ code: Code, _ message: String) {
        (self.code, self.message) = (code, message)
    }

    init(_ error: StoreError) {
        self.init(.unavailable, "the change isn't made: \(error.message)")
    }
}
