import FoundationEssentials
import GRDB

#if canImport(Glibc)
    import Glibc
#endif

/// The SQLite file of an embedded store: made whole or not at all, checked before anything may write to it.
///
/// All of this blocks.
enum StoreFile {
    /// Tells our files from those of other programs: "Mnta".
    static let applicationID: Int64 = 0x4D6E_7461
    /// Grows when the tables change.
    static let schema: Int64 = 1
    /// The smallest page of SQLite.
    private static let smallest = 512

    /// Opens the file at `path`, which is made if there is none, or a store in memory.
    static func open(_ path: String?) throws(StoreError) -> DatabaseQueue {
        do {
            guard let path else {
                let database = try DatabaseQueue(configuration: configuration())
                try database.write(initialise)
                return database
            }
            try checkAccess(path)
            if exists(path) { try verify(path) } else { try create(path) }
            return try connect(path)
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(error, file: path)
        }
    }

    private static func configuration() -> Configuration {
        var configuration = Configuration()
        // For a process that is about to end; one that goes on has the file for itself.
        configuration.busyMode = .timeout(1)
        return configuration
    }

    private static func connect(_ path: String) throws -> DatabaseQueue {
        var configuration = configuration()
        configuration.prepareDatabase { database in
            // Before the first access, which takes the lock: no other process can use the file meanwhile.
            try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            let mode = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL")
            guard mode == "wal" else {
                throw DatabaseError(resultCode: .SQLITE_READONLY, message: "no write-ahead log can be kept")
            }
            // Each commit is on the disk before it is acknowledged.
            try database.execute(sql: "PRAGMA synchronous = FULL")
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    // MARK: - Making

    /// Makes the file under another name first: whoever is killed meanwhile leaves no half of one.
    private static func create(_ path: String) throws {
        guard !exists(path + "-wal") else {
            throw StoreError(
                .damaged,
                "\(path) is gone but its write-ahead log \(path)-wal is not, expected both or none: bring the file back, "
                    + "or move the log away to start with an empty store")
        }
        let draft = path + ".new"
        for suffix in ["", "-wal", "-shm", "-journal"] { unsafe unlink(draft + suffix) }
        let database = try connect(draft)
        try database.write(initialise)
        try database.close()
        guard unsafe rename(draft, path) == 0 else { throw StoreError.system(errno, "\(path) can't be made") }
        let folder = unsafe Glibc.open(folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw StoreError.system(errno, "\(path) can't be made") }
        defer { Glibc.close(folder) }
        guard fsync(folder) == 0 else { throw StoreError.system(errno, "\(path) can't be made") }
    }

    private static func initialise(_ database: Database) throws {
        try database.createTables()
        try database.execute(sql: "PRAGMA application_id = \(applicationID)")
        try database.execute(sql: "PRAGMA user_version = \(schema)")
    }

    // MARK: - Checking

    /// Reads the whole file through a connection that can't write, so that a damaged one stays as it is.
    private static func verify(_ path: String) throws {
        var status = stat()
        if unsafe stat(path, &status) == 0, status.st_size < smallest {
            // SQLite would take it for a new database.
            throw StoreError.damaged(path, "it has \(status.st_size) bytes, expected at least \(smallest)")
        }
        var configuration = configuration()
        configuration.readonly = true
        let database = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? database.close() }
        try database.read { database in
            let applicationID = try Int64.fetchOne(database, sql: "PRAGMA application_id") ?? 0
            guard applicationID == Self.applicationID else {
                throw StoreError(
                    .foreign,
                    "\(path) is not a store: its application id is \(applicationID), expected \(Self.applicationID). "
                        + "Give another path, or move it away to start with an empty store")
            }
            let schema = try Int64.fetchOne(database, sql: "PRAGMA user_version") ?? 0
            guard schema <= Self.schema else {
                throw StoreError(
                    .foreign,
                    "\(path) was written by a newer version: its schema is \(schema), expected \(Self.schema) at most. "
                        + "Run that version, or give another path")
            }
            if let fault = try fault(of: database, schema: schema) { throw StoreError.damaged(path, fault) }
        }
    }

    private static func fault(of database: Database, schema: Int64) throws -> String? {
        guard schema == Self.schema else { return "its schema is \(schema), expected \(Self.schema)" }
        let report = try String.fetchOne(database, sql: "PRAGMA integrity_check(1)") ?? "no report"
        guard report == "ok" else { return report }
        if let key = try database.damagedKeys().first { return "the value of key \"\(key)\" is not what was written" }
        let latest = try Int64.fetchOne(database, sql: "SELECT max(modified) FROM entry") ?? 0
        let revision = try database.revision()
        guard revision >= latest else { return "its revision is \(revision), expected \(latest) or later" }
        let orphans =
            "SELECT count(*) FROM entry WHERE lease IS NOT NULL AND lease NOT IN (SELECT id FROM lease)"
        guard try Int.fetchOne(database, sql: orphans) == 0 else { return "a key has a lease that there isn't" }
        return nil
    }

    /// Says plainly what SQLite would tell as "unable to open database file", or only at the first write.
    private static func checkAccess(_ path: String) throws(StoreError) {
        guard unsafe access(folder(of: path), W_OK | X_OK) == 0 else {
            throw StoreError.system(errno, "\(path) can't be written: its folder")
        }
        guard unsafe !exists(path) || access(path, R_OK | W_OK) == 0 else {
            throw StoreError.system(errno, "\(path) can't be read and written")
        }
    }

    private static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
