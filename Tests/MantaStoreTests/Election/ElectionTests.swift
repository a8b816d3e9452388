import MantaTestKit
import MantaTime
import Testing

@testable import MantaStore

@Suite("An election", .timeLimit(.minutes(1)))
struct ElectionTests {
    /// One who campaigns, with a lease that outlives the test.
    private final class Candidate: Sendable {
        let name: String
        let election: Election
        let keeper: LeaseKeeper
        private let running: Task<Void, Never>
        private let keeping: Task<Void, Never>

        init(_ name: String, _ store: any Store, _ time: any TimeSource, timeToLive: Duration = .seconds(100)) {
            self.name = name
            let keeper = LeaseKeeper(store: store, timeToLive: timeToLive, time: time)
            let election = Election(store: store, key: "leader", value: Array(name.utf8), keeper: keeper, time: time)
            (self.keeper, self.election) = (keeper, election)
            running = Task { await election.run() }
            keeping = Task { await keeper.run() }
        }

        /// Its term, once it leads.
        func term() async throws -> Int64 {
            for await case .leader(let term) in election.roles { return term }
            throw StoreError(.closed, "\(name) has stopped")
        }

        /// Returns when it follows the leader of this name; `nil` for one that isn't known.
        func follows(_ name: String?) async throws {
            for await case .follower(let entry) in election.roles
            where entry.map({ String(decoding: $0.value, as: UTF8.self) }) == name { return }
            throw StoreError(.closed, "\(name ?? "") has stopped")
        }

        func stop() async {
            running.cancel()
            await running.value
            keeping.cancel()
            await keeping.value
        }
    }

    @Test("one leads and the others follow; when it resigns another does, in a higher term", arguments: StoreForm.all)
    func succession(form: StoreForm) async throws {
        try await form.run { subject in
            // A neighbour whose key begins alike.
            try await subject.store.put("leader2", [])
            var candidates = [Candidate("0", subject.store, subject.time)]
            var term = try await candidates[0].term()
            for name in ["1", "2"] {
                candidates.append(Candidate(name, subject.store, subject.time))
                try await candidates.last?.follows("0")
            }

            while let leader = candidates.first(where: { $0.election.role == .leader(term: term) }) {
                await leader.stop()
                #expect(leader.election.role == .follower(of: nil))
                candidates.removeAll { $0 === leader }
                guard !candidates.isEmpty else { break }
                let next = try await firstLeader(of: candidates)
                #expect(next.term > term)
                #expect(try await subject.store.get("leader")?.modified == next.term)
                for other in candidates where other !== next.leader { try await other.follows(next.leader.name) }
                term = next.term
            }
            #expect(candidates.isEmpty)
            #expect(try await subject.store.get("leader") == nil)
        }
    }

    private func firstLeader(of candidates: [Candidate]) async throws -> (leader: Candidate, term: Int64) {
        try await withThrowingTaskGroup(of: (Candidate, Int64).self) { group in
            for candidate in candidates { group.addTask { (candidate, try await candidate.term()) } }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw StoreError(.invalid, "nobody campaigns") }
            return (leader: first.0, term: first.1)
        }
    }

    @Test("another leads when the lease of a leader that is gone has ended", arguments: StoreForm.all)
    func takeover(form: StoreForm) async throws {
        try await form.run { subject in
            let gone = try await subject.store.grantLease(subject.leaseTime)
            let old = try await subject.store.put("leader", Array("gone".utf8), lease: gone.id)
            let candidate = Candidate("next", subject.store, subject.time)
            try await candidate.follows("gone")

            try await subject.letTimePass(gone.timeToLive)

            let term = try await candidate.term()
            #expect(term > old)
            await candidate.stop()
        }
    }

    @Test("a leader whose key is taken away follows, and leads again in a higher term", arguments: StoreForm.all)
    func deposed(form: StoreForm) async throws {
        try await form.run { subject in
            let candidate = Candidate("first", subject.store, subject.time)
            let term = try await candidate.term()

            try await subject.store.delete("leader")

            for await case .leader(let next) in candidate.election.roles where next != term {
                #expect(next > term)
                break
            }
            await candidate.stop()
        }
    }

    @Test("a leader that is cut off follows when its lease is over, and another leads")
    func cutOff() async throws {
        let time = ManualTime()
        let store = try await EmbeddedStore.open(path: nil, time: time)
        let leases = Task { await store.run() }
        let line = FlakyStore(store)
        let first = Candidate("first", line, time, timeToLive: .seconds(15))
        let term = try await first.term()
        let second = Candidate("second", store, time, timeToLive: .seconds(600))
        try await second.follows("first")

        line.change { $0.isAway = true }
        while first.election.role == .leader(term: term) {
            time.advance(by: .milliseconds(50))
            for _ in 0..<20 { await Task.yield() }
        }
        #expect(try await second.term() > term)

        line.change { $0.isAway = false }
        while first.election.role != .follower(of: try await store.get("leader")) {
            time.advance(by: .milliseconds(50))
            await Task.yield()
        }
        for candidate in [first, second] { await candidate.stop() }
        leases.cancel()
        await leases.value
        await store.close()
    }
}
