/// Why a store didn't do what it was asked.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public var code: Code
    /// What was at fault, what was found and what was expected.
    public var message: String
    /// For the log only.
    public var cause: (any Error)?

    /// A failure of this kind.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        (self.code, self.message, self.cause) = (code, message, cause)
    }

    /// The message.
    public var description: String { message }

    /// The kinds of failure. A struct, so that a new kind breaks nobody who switches over them.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case invalid, conflict, compacted, leaseLost, unavailable, unauthorised, locked, damaged, foreign, closed
        }

        private let kind: Kind

        /// The request is wrong and would be next time.
        public static let invalid = Code(kind: .invalid)
        /// The key was written by somebody else meanwhile. Read it again and decide anew.
        public static let conflict = Code(kind: .conflict)
        /// What was written since the watch's revision is no longer known. List, and watch after that.
        public static let compacted = Code(kind: .compacted)
        /// The lease has expired or was revoked, and its keys are gone.
        public static let leaseLost = Code(kind: .leaseLost)
        /// The disk is full or broken, or the store can't be reached. Nothing that was acknowledged is lost; try later.
        public static let unavailable = Code(kind: .unavailable)
        /// The store refuses who asks: the user, the password, or what the user may do.
        public static let unauthorised = Code(kind: .unauthorised)
        /// Another process has the store.
        public static let locked = Code(kind: .locked)
        /// The file was changed by something else than a store. It is left as it is.
        public static let damaged = Code(kind: .damaged)
        /// The file belongs to another program or to a newer version of this one and is left as it is, or what answers
        /// at the store's address isn't a store.
        public static let foreign = Code(kind: .foreign)
        /// The store was closed.
        public static let closed = Code(kind: .closed)

        /// The name, as in logs.
        public var description: String { kind.rawValue }
    }
}

extension StoreError {
    /// A lease isn't there any more.
    package static func lost(_ lease: LeaseID, _ consequence: String) -> StoreError {
        StoreError(.leaseLost, "lease \(lease.rawValue) has expired or was revoked: \(consequence)")
    }

    /// Refuses a lease that is too short for every form of store.
    package static func check(timeToLive: Duration) throws(StoreError) {
        guard timeToLive >= .seconds(1) else {
            throw StoreError(.invalid, "a lease's time to live is \(timeToLive), expected at least 1 second")
        }
    }
}
