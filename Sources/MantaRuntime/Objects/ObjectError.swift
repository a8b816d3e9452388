/// Why an object isn't there.
package struct ObjectError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it is.
    package let code: Code
    /// Which object or file, what was found and what was expected.
    package let message: String

    /// A failure of this kind.
    package init(_ code: Code, _ message: String) {
        (self.code, self.message) = (code, message)
    }

    /// The message.
    package var description: String { message }

    /// The kinds of failure. A struct, so that a new kind breaks nobody who switches over them.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case invalid, missing, noRoom, damaged, unavailable, locked, cancelled
        }

        private let kind: Kind

        /// The request is wrong and would be next time.
        package static let invalid = Code(kind: .invalid)
        /// Nobody has it, or not those bytes of it.
        package static let missing = Code(kind: .missing)
        /// It doesn't fit, even with everything removed that isn't used.
        package static let noRoom = Code(kind: .noRoom)
        /// Its bytes aren't those of its name. Whatever was kept of it is removed.
        package static let damaged = Code(kind: .damaged)
        /// The disk failed, or a source. What was kept stays; try later.
        package static let unavailable = Code(kind: .unavailable)
        /// Another process has the folder.
        package static let locked = Code(kind: .locked)
        /// The task was cancelled. What was kept stays.
        package static let cancelled = Code(kind: .cancelled)

        /// The name, as in logs.
        package var description: String { kind.rawValue }
    }
}
