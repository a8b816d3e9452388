/// Writes that are done together, or not at all when a condition doesn't hold.
///
/// ```swift
/// let claim = Transaction(if: [.init("leader", at: 0)], then: [.put("leader", me, lease: lease.id)])
/// guard try await store.commit(claim).succeeded else { return }
/// ```
public struct Transaction: Sendable, Equatable {
    /// A key must have been written last at a revision.
    public struct Condition: Sendable, Equatable {
        /// The key.
        public var key: String
        /// The revision; 0 if the key must be absent.
        public var revision: Int64

        /// The key was written last at `revision`; with 0, it is absent.
        public init(_ key: String, at revision: Int64) {
            (self.key, self.revision) = (key, revision)
        }
    }

    /// One write.
    public enum Write: Sendable, Equatable {
        /// Gives a key a value and a lease, or none.
        case put(String, [UInt8], lease: LeaseID? = nil)
        /// Deletes a key if there is one.
        case delete(String)

        /// The key.
        public var key: String {
            switch self {
            case .put(let key, _, _), .delete(let key): key
            }
        }
    }

    /// What must hold.
    public var conditions: [Condition]
    /// What is done then.
    public var writes: [Write]

    /// These writes if these conditions hold.
    public init(if conditions: [Condition] = [], then writes: [Write]) {
        (self.conditions, self.writes) = (conditions, writes)
    }
}

/// What became of a transaction.
public struct Outcome: Sendable, Equatable {
    /// Whether the conditions held and the writes are done.
    public var succeeded: Bool
    /// The store's revision after it: that of the writes if they changed something.
    public var revision: Int64

    /// This outcome.
    public init(succeeded: Bool, revision: Int64) {
        (self.succeeded, self.revision) = (succeeded, revision)
    }
}

// MARK: - Limits

extension Transaction {
    /// How many conditions, and how many writes, one transaction may have: as etcd's default.
    public static let maxOperations = 128
    /// How large the keys and values of one transaction may be together: within etcd's limit for a request, in which
    /// they are base64.
    public static let maxByteCount = 1 << 20

    /// Refuses what no form of store would do.
    package func check() throws(StoreError) {
        for (name, count) in [("conditions", conditions.count), ("writes", writes.count)]
        where count > Self.maxOperations {
            throw StoreError(.invalid, "a transaction has \(count) \(name), expected at most \(Self.maxOperations)")
        }
        if (conditions.map(\.key) + writes.map(\.key)).contains("") {
            throw StoreError(.invalid, "a key is empty, expected at least one character")
        }
        // By bytes: strings that Swift calls equal may be different keys.
        var seen: Set<[UInt8]> = []
        for write in writes where !seen.insert(Array(write.key.utf8)).inserted {
            throw StoreError(.invalid, "key \"\(write.key)\" is written twice in one transaction, expected once")
        }
        let byteCount = writes.reduce(0) { sum, write in
            guard case .put(_, let value, _) = write else { return sum + write.key.utf8.count }
            return sum + write.key.utf8.count + value.count
        }
        guard byteCount <= Self.maxByteCount else {
            let first = writes.first?.key ?? ""
            throw StoreError(
                .invalid,
                "keys and values of a transaction that writes \"\(first)\" take \(byteCount) bytes, "
                    + "expected at most \(Self.maxByteCount)")
        }
    }
}
