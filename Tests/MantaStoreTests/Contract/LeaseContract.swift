import MantaStore
import Testing

/// What every store does with leases.
@Suite("A store's leases")
struct LeaseContract {
    @Test("the keys of a lease that isn't kept alive are deleted together, and watches tell", arguments: StoreForm.all)
    func expiry(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let lease = try await store.grantLease(subject.leaseTime)
            #expect(lease.timeToLive >= subject.leaseTime && lease.id.rawValue > 0)
            try await store.put("b", [1], lease: lease.id)
            try await store.put("a", [1], lease: lease.id)
            let start = try await store.put("other", [1])
            #expect(try await store.get("a")?.lease == lease.id)

            try await subject.letTimePass(lease.timeToLive)

            let commit = try #require(try await store.commits(1, after: start).first)
            #expect(commit.changes == [.deleted("a"), .deleted("b")])
            #expect(try await store.list(prefix: "").entries.map(\.key) == ["other"])
            await expectError(.leaseLost, "lease \(lease.id.rawValue)") { try await store.keepAlive(lease.id) }
            await expectError(.leaseLost, "key \"c\"") { try await store.put("c", [], lease: lease.id) }
            #expect(try await store.get("c") == nil)
        }
    }

    @Test("a lease that is kept alive lives on, for its whole time each time", arguments: StoreForm.all)
    func keepingAlive(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let lease = try await store.grantLease(subject.leaseTime)
            let start = try await store.put("a", [1], lease: lease.id)

            for _ in 0..<3 {
                try await subject.letTimePass(lease.timeToLive / 2)
                #expect(try await store.keepAlive(lease.id) == lease.timeToLive)
            }
            #expect(try await store.get("a") != nil)
            try await subject.letTimePass(lease.timeToLive)

            #expect(try await store.commits(1, after: start).first?.changes == [.deleted("a")])
        }
    }

    @Test("a revoked lease takes its keys with it at once", arguments: StoreForm.all)
    func revocation(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let lease = try await store.grantLease(.seconds(10))
            try await store.put("a", [1], lease: lease.id)

            try await store.revoke(lease.id)

            #expect(try await store.get("a") == nil)
            await expectError(.leaseLost) { try await store.keepAlive(lease.id) }
            try await store.revoke(lease.id)
            let empty = try await store.grantLease(.seconds(10))
            let revision = try await store.revision
            try await store.revoke(empty.id)
            #expect(try await store.revision == revision, "a lease without keys changes nothing")
            #expect(empty.id != lease.id)
        }
    }

    @Test("a key belongs to the lease of its last put", arguments: StoreForm.all)
    func lastPutDecides(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            let first = try await store.grantLease(.seconds(10))
            let second = try await store.grantLease(.seconds(10))
            for key in ["freed", "moved", "deleted"] { try await store.put(key, [], lease: first.id) }
            try await store.put("freed", [])
            try await store.put("moved", [], lease: second.id)
            try await store.delete("deleted")
            try await store.put("deleted", [])

            try await store.revoke(first.id)
            #expect(try await store.list(prefix: "").entries.map(\.key) == ["deleted", "freed", "moved"])
            try await store.revoke(second.id)
            #expect(try await store.list(prefix: "").entries.map(\.key) == ["deleted", "freed"])
        }
    }

    @Test(
        "a lease is refused that is shorter than a second, and one that was never granted is lost",
        arguments: StoreForm.all)
    func refusals(form: StoreForm) async throws {
        try await form.run { subject in
            let store = subject.store
            await expectError(.invalid, "expected at least 1 second") { try await store.grantLease(.milliseconds(999)) }
            let unknown = LeaseID(rawValue: 4_711)
            await expectError(.leaseLost, "4711") { try await store.keepAlive(unknown) }
            let revision = try await store.revision
            await expectError(.leaseLost, "4711") {
                _ = try await store.commit(Transaction(then: [.put("a", []), .put("b", [], lease: unknown)]))
            }
            #expect(try await store.revision == revision)
        }
    }
}
