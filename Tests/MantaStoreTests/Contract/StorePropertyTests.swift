import MantaTestKit
import Testing

@testable import MantaStore

/// Random operations, compared with a model that keeps everything in a dictionary.
@Suite("A store under random operations")
struct StorePropertyTests {
    /// What a store is, in the simplest words.
    private struct Model {
        var entries: [[UInt8]: Entry] = [:]
        var revision: Int64
        var commits: [Commit] = []
        var leases: Set<LeaseID> = []

        static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

        func snapshot(_ prefix: String) -> Snapshot {
            let found = entries.values.filter { Array($0.key.utf8).starts(with: Array(prefix.utf8)) }
            return Snapshot(revision: revision, entries: found.sorted { Self.precedes($0.key, $1.key) })
        }

        func holds(_ condition: Transaction.Condition) -> Bool {
            (entries[Array(condition.key.utf8)]?.modified ?? 0) == condition.revision
        }

        mutating func apply(_ writes: [Transaction.Write]) {
            var changes: [Commit.Change] = []
            for write in writes {
                let key = Array(write.key.utf8)
                switch write {
                case .put(_, let value, let lease):
                    let entry = Entry(
                        key: write.key, value: value, created: entries[key]?.created ?? revision + 1,
                        modified: revision + 1, lease: lease)
                    entries[key] = entry
                    changes.append(.put(entry))
                case .delete:
                    if entries.removeValue(forKey: key) != nil { changes.append(.deleted(write.key)) }
                }
            }
            guard !changes.isEmpty else { return }
            revision += 1
            commits.append(Commit(revision: revision, changes: changes.sorted { Self.precedes($0.key, $1.key) }))
        }

        mutating func end(_ lease: LeaseID) {
            leases.remove(lease)
            apply(entries.values.filter { $0.lease == lease }.map { .delete($0.key) })
        }
    }

    private static let keys = [
        "a", "a/", "a/b", "a0", "a\u{0}", "b", "\u{E9}", "e\u{301}", "\u{65E5}\u{672C}", "\u{10FFFF}",
        "\u{1F469}\u{200D}\u{1F467}", "\u{1F469}",
    ]
    private static let prefixes = ["", "a", "a/", "e", "\u{E9}", "\u{65E5}", "\u{1F469}", "\u{10FFFF}", "nothing"]

    @Test("it is what a dictionary would be, and watches tell how it became so", arguments: 0..<25 as Range<UInt64>)
    func matchesModel(round: UInt64) async throws {
        let seed = 0x7374_6F72_6500 + round
        var random = SeededGenerator(seed: seed)
        let store = try await EmbeddedStore.open(path: nil)
        try await compare(store, seed: seed, using: &random)
        await store.close()
    }

    @Test("an etcd is what a dictionary would be too", arguments: 0..<3 as Range<UInt64>)
    func etcdMatchesModel(round: UInt64) async throws {
        let seed = 0x6574_6364_00 + round
        var random = SeededGenerator(seed: seed)
        try await StoreForm.inEtcd.run { subject in try await compare(subject.store, seed: seed, using: &random) }
    }

    private func compare(_ store: any Store, seed: UInt64, using random: inout SeededGenerator) async throws {
        var model = Model(revision: try await store.revision)
        let start = model.revision

        for _ in 0..<200 {
            try await step(store, &model, using: &random)
            let prefix = Self.prefixes.randomElement(using: &random) ?? ""
            #expect(try await store.list(prefix: prefix) == model.snapshot(prefix), "seed \(seed)")
            let key = Self.keys.randomElement(using: &random) ?? ""
            #expect(try await store.get(key) == model.entries[Array(key.utf8)], "seed \(seed)")
        }

        for prefix in Self.prefixes {
            let after = Int64.random(in: start...model.revision, using: &random)
            let expected = model.commits.filter { $0.revision > after }.compactMap { $0.restricted(to: prefix) }
            let told = try await store.commits(expected.count, prefix: prefix, after: after)
            #expect(told == expected, "seed \(seed), prefix \(prefix), after \(after)")
        }
    }

    private func step(_ store: any Store, _ model: inout Model, using random: inout SeededGenerator) async throws {
        switch Int.random(in: 0..<10, using: &random) {
        case 0:
            let lease = try await store.grantLease(.seconds(60))
            model.leases.insert(lease.id)
        case 1:
            let lease = model.leases.sorted { $0.rawValue < $1.rawValue }.randomElement(using: &random)
            guard let lease else { return }
            try await store.revoke(lease)
            model.end(lease)
        default:
            let transaction = self.transaction(model, using: &random)
            let succeeds = transaction.conditions.allSatisfy(model.holds)
            if succeeds { model.apply(transaction.writes) }
            let outcome = try await store.commit(transaction)
            #expect(outcome == Outcome(succeeded: succeeds, revision: model.revision))
        }
    }

    private func transaction(_ model: Model, using random: inout SeededGenerator) -> Transaction {
        let keys = Self.keys.shuffled(using: &random)
        let conditions = keys.prefix(.random(in: 0...2, using: &random)).map { key in
            let actual = model.entries[Array(key.utf8)]?.modified ?? 0
            return Transaction.Condition(key, at: Int.random(in: 0..<8, using: &random) == 0 ? actual + 1 : actual)
        }
        let leases = model.leases.sorted { $0.rawValue < $1.rawValue }
        let writes = keys.shuffled(using: &random).prefix(.random(in: 0...4, using: &random)).map {
            key -> Transaction.Write in
            if Int.random(in: 0..<3, using: &random) == 0 { return .delete(key) }
            let value = (0..<Int.random(in: 0...9, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
            }
            return .put(key, value, lease: Bool.random(using: &random) ? leases.randomElement(using: &random) : nil)
        }
        return Transaction(if: conditions, then: writes)
    }
}
