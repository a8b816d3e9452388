/// A key with its value.
public struct Entry: Sendable, Equatable {
    /// The key.
    public var key: String
    /// The value.
    public var value: [UInt8]
    /// The revision of the write that made the key.
    public var created: Int64
    /// The revision of the key's last write.
    public var modified: Int64
    /// The lease whose end deletes the key.
    public var lease: LeaseID?

    /// An entry of these parts.
    public init(key: String, value: [UInt8], created: Int64, modified: Int64, lease: LeaseID? = nil) {
        (self.key, self.value, self.created, self.modified, self.lease) = (key, value, created, modified, lease)
    }
}

/// Entries as they were at one revision.
public struct Snapshot: Sendable, Equatable {
    /// The store's revision: a watch after it continues the snapshot.
    public var revision: Int64
    /// The entries, ordered by the bytes of their keys.
    public var entries: [Entry]

    /// These entries at this revision.
    public init(revision: Int64, entries: [Entry]) {
        (self.revision, self.entries) = (revision, entries)
    }
}

/// What one write changed.
public struct Commit: Sendable, Equatable {
    /// What happened to one key.
    public enum Change: Sendable, Equatable {
        /// It has a value now.
        case put(Entry)
        /// It is gone: deleted, or its lease has ended.
        case deleted(String)

        /// The key.
        public var key: String {
            switch self {
            case .put(let entry): entry.key
            case .deleted(let key): key
            }
        }
    }

    /// The revision that the write gave to all it changed.
    public var revision: Int64
    /// The changes, ordered by the bytes of their keys; never none, and no key twice.
    public var changes: [Change]

    /// These changes at this revision.
    public init(revision: Int64, changes: [Change]) {
        (self.revision, self.changes) = (revision, changes)
    }
}

/// Names a lease.
public struct LeaseID: RawRepresentable, Hashable, Sendable {
    /// The number that the store gave it, more than 0.
    public var rawValue: Int64

    /// The lease of this number.
    public init(rawValue: Int64) {
        self.rawValue = rawValue
    }
}

/// A lease that was granted.
public struct Lease: Sendable, Equatable {
    /// Its name.
    public var id: LeaseID
    /// How long it lives without being kept alive.
    public var timeToLive: Duration

    /// The lease of this name that lives for so long.
    public init(id: LeaseID, timeToLive: Duration) {
        (self.id, self.timeToLive) = (id, timeToLive)
    }
}
