/// Where wanted state lives: keys with values, each write with a revision, and what changed since a revision.
///
/// ```swift
/// let entry = try await store.get("deployments/digits")
/// try await store.put("deployments/digits", bytes, ifRevision: entry?.modified ?? 0)
/// ```
///
/// Keys are compared and ordered by their UTF-8 bytes. The store's revision grows with each write that changes
/// something, and all that one transaction changes has the same. An operation that was answered without an error is
/// done for good; after an error of code ``StoreError/Code/unavailable`` it may or may not have been.
public protocol Store: Sendable {
    /// The entry of a key; `nil` if there is none.
    func get(_ key: String) async throws(StoreError) -> Entry?

    /// All entries whose keys begin with `prefix`, as they were at one revision.
    func list(prefix: String) async throws(StoreError) -> Snapshot

    /// Checks the transaction's conditions and, if all hold, does all of its writes.
    func commit(_ transaction: Transaction) async throws(StoreError) -> Outcome

    /// What is written after `revision` to keys that begin with `prefix`.
    func watch(prefix: String, after revision: Int64) -> Watch

    /// Makes a lease: keys that are put with it are deleted when it isn't kept alive for so long.
    ///
    /// - Parameter timeToLive: At least a second. The store may grant more.
    /// - Returns: The lease and the time to live that it has.
    /// - Throws: ``StoreError``, of code ``StoreError/Code/invalid`` if the time is too short.
    func grantLease(_ timeToLive: Duration) async throws(StoreError) -> Lease

    /// Lets a lease live for its whole time again.
    ///
    /// - Returns: How long that is.
    /// - Throws: ``StoreError`` of code ``StoreError/Code/leaseLost`` if it has expired or was revoked.
    @discardableResult func keepAlive(_ lease: LeaseID) async throws(StoreError) -> Duration

    /// Ends a lease now and deletes its keys. One that has ended already is fine.
    func revoke(_ lease: LeaseID) async throws(StoreError)
}

extension Store {
    /// Gives a key a value.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - value: Its value from now on.
    ///   - revision: The revision the key must have been written at last, 0 for a key that must be absent; `nil` for any.
    ///   - lease: The lease whose end deletes the key; without one the key stays.
    /// - Returns: The revision of the write.
    /// - Throws: ``StoreError``, of code ``StoreError/Code/conflict`` if the key is at another revision.
    @discardableResult
    public func put(
        _ key: String, _ value: [UInt8], ifRevision revision: Int64? = nil, lease: LeaseID? = nil
    ) async throws(StoreError) -> Int64 {
        try await commit(.put(key, value, lease: lease), key, ifRevision: revision)
    }

    /// Deletes a key. One that is absent is fine unless `revision` says otherwise.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - revision: The revision the key must have been written at last; `nil` for any.
    /// - Returns: The store's revision after it.
    /// - Throws: ``StoreError``, of code ``StoreError/Code/conflict`` if the key is at another revision.
    @discardableResult
    public func delete(_ key: String, ifRevision revision: Int64? = nil) async throws(StoreError) -> Int64 {
        try await commit(.delete(key), key, ifRevision: revision)
    }

    private func commit(
        _ write: Transaction.Write, _ key: String, ifRevision revision: Int64?
    ) async throws(StoreError) -> Int64 {
        let conditions = revision.map { [Transaction.Condition(key, at: $0)] } ?? []
        let outcome = try await commit(Transaction(if: conditions, then: [write]))
        guard outcome.succeeded else {
            let expected = revision == 0 ? "no such key" : "revision \(revision ?? 0)"
            throw StoreError(.conflict, "key \"\(key)\": expected \(expected), but it was written since")
        }
        return outcome.revision
    }
}
