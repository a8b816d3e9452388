import FoundationEssentials
import GRDB

// The store's tables. Keys are blobs, so that SQLite orders and compares them by bytes. Types can be relied on when rows
// are read: the tables are strict, and they are checked when the file is opened.

extension Database {
    /// Makes the tables of an empty store.
    func createTables() throws {
        try execute(
            sql: """
                CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL) STRICT;
                INSERT INTO state (id, revision) VALUES (1, 0);
                CREATE TABLE lease (id INTEGER PRIMARY KEY AUTOINCREMENT, time_to_live_ms INTEGER NOT NULL) STRICT;
                CREATE TABLE entry (
                    key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL, created INTEGER NOT NULL,
                    modified INTEGER NOT NULL, lease INTEGER REFERENCES lease (id), checksum INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                """)
    }

    /// The revision of the last write that changed something.
    func revision() throws -> Int64 {
        guard let revision = try Int64.fetchOne(self, sql: "SELECT revision FROM state") else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the table of the revision is empty")
        }
        return revision
    }

    private func setRevision(_ revision: Int64) throws {
        try execute(sql: "UPDATE state SET revision = ?", arguments: [revision])
    }
}

// MARK: - Entries

extension Database {
    private static let columns = "key, value, created, modified, lease"

    /// The entry of a key.
    func entry(_ key: String) throws -> Entry? {
        let sql = "SELECT \(Self.columns) FROM entry WHERE key = ?"
        return try Row.fetchOne(self, sql: sql, arguments: [Data(key.utf8)]).map(Entry.init(row:))
    }

    /// The entries whose keys begin with `prefix`, in order.
    func entries(prefix: String) throws -> [Entry] {
        let start = Data(prefix.utf8)
        // The first key after all that begin with the prefix. No byte of UTF-8 is 255, so the last one can grow.
        let end = start.last.map { start.dropLast() + [$0 + 1] }
        let sql = "SELECT \(Self.columns) FROM entry WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) ORDER BY key"
        return try Row.fetchAll(self, sql: sql, arguments: [start, end]).map(Entry.init(row:))
    }

    /// The keys whose content isn't what was written.
    func damagedKeys() throws -> [String] {
        let rows = try Row.fetchCursor(self, sql: "SELECT \(Self.columns), checksum FROM entry")
        var keys: [String] = []
        while let row = try rows.next() {
            let entry = Entry(row: row)
            if entry.checksum != row["checksum"] { keys.append(entry.key) }
        }
        return keys
    }

    /// Does a transaction's writes if its conditions hold. The commit is `nil` if nothing changed.
    func apply(_ transaction: Transaction) throws -> (outcome: Outcome, commit: Commit?) {
        let revision = try revision()
        for condition in transaction.conditions {
            guard try entry(condition.key)?.modified ?? 0 == condition.revision else {
                return (Outcome(succeeded: false, revision: revision), nil)
            }
        }
        let commit = try commit(transaction.writes, after: revision)
        return (Outcome(succeeded: true, revision: commit?.revision ?? revision), commit)
    }

    private func commit(_ writes: [Transaction.Write], after revision: Int64) throws -> Commit? {
        var changes: [Commit.Change] = []
        for write in writes {
            switch write {
            case .put(let key, let value, let lease):
                let created = try entry(key)?.created ?? revision + 1
                let entry = Entry(key: key, value: value, created: created, modified: revision + 1, lease: lease)
                try save(entry)
                changes.append(.put(entry))
            case .delete(let key):
                try execute(sql: "DELETE FROM entry WHERE key = ?", arguments: [Data(key.utf8)])
                if changesCount > 0 { changes.append(.deleted(key)) }
            }
        }
        guard !changes.isEmpty else { return nil }
        try setRevision(revision + 1)
        changes.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return Commit(revision: revision + 1, changes: changes)
    }

    private func save(_ entry: Entry) throws {
        try execute(
            sql: "INSERT OR REPLACE INTO entry (\(Self.columns), checksum) VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [
                Data(entry.key.utf8), Data(entry.value), entry.created, entry.modified, entry.lease?.rawValue,
                entry.checksum,
            ])
    }
}

extension Entry {
    fileprivate init(row: Row) {
        self.init(
            key: String(decoding: row["key"] as Data, as: UTF8.self), value: [UInt8](row["value"] as Data),
            created: row["created"], modified: row["modified"],
            lease: (row["lease"] as Int64?).map(LeaseID.init(rawValue:)))
    }
}

// MARK: - Leases

extension Database {
    /// The leases there are.
    func leases() throws -> [Lease] {
        try Row.fetchAll(self, sql: "SELECT id, time_to_live_ms FROM lease ORDER BY id").map { row in
            Lease(id: LeaseID(rawValue: row["id"]), timeToLive: .milliseconds(row["time_to_live_ms"] as Int64))
        }
    }

    /// Adds a lease. No number is given twice.
    func addLease(_ timeToLive: Duration) throws -> Lease {
        let milliseconds = Int64((timeToLive / .milliseconds(1)).rounded(.up))
        try execute(sql: "INSERT INTO lease (time_to_live_ms) VALUES (?)", arguments: [milliseconds])
        return Lease(id: LeaseID(rawValue: lastInsertedRowID), timeToLive: .milliseconds(milliseconds))
    }

    /// Ends a lease and deletes its keys; `nil` if it had none.
    func removeLease(_ lease: LeaseID) throws -> Commit? {
        let keys = try Data.fetchAll(self, sql: "SELECT key FROM entry WHERE lease = ?", arguments: [lease.rawValue])
        let commit = try commit(
            keys.map { .delete(String(decoding: $0, as: UTF8.self)) }, after: try revision())
        try execute(sql: "DELETE FROM lease WHERE id = ?", arguments: [lease.rawValue])
        return commit
    }
}
