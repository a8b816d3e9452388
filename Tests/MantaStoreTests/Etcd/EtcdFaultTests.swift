import Foundation
import MantaStoreTestKit
import MantaTestKit
import Testing

@testable import MantaEtcd
@testable import MantaStore

/// Members that are killed, stopped and started again.
@Suite("The store in etcd when members fail", .timeLimit(.minutes(2)))
struct EtcdFaultTests {
    /// Who a member is and who leads.
    private struct Status: EtcdRequest {
        struct Reply: EtcdReply {
            private struct Member: Decodable {
                let id: EtcdNumber

                private enum CodingKeys: String, CodingKey {
                    case id = "member_id"
                }
            }

            let header: EtcdHeader?
            let member: EtcdNumber
            let leader: EtcdNumber

            private enum CodingKeys: String, CodingKey {
                case header, leader
            }

            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                header = try container.decode(EtcdHeader.self, forKey: .header)
                member = try container.decode(Member.self, forKey: .header).id
                leader = try container.decode(EtcdNumber.self, forKey: .leader)
            }
        }

        static let path = "/v3/maintenance/status"
        static let isRepeatable = true
    }

    /// Puts until so many were acknowledged, again when etcd is away; returns their revisions.
    private func write(_ store: EtcdStore, count: Int, told: (Int) async throws -> Void) async throws -> [Int64] {
        var revisions: [Int64] = []
        let end = ContinuousClock.now + .seconds(60)
        while revisions.count < count, ContinuousClock.now < end {
            do {
                revisions.append(try await store.put("number", Array("\(revisions.count)".utf8)))
                try await told(revisions.count)
            } catch let error as StoreError {
                #expect(error.code == .unavailable, "\(error)")
            }
        }
        return revisions
    }

    @Test("puts and a watch go on when the leader of three members is killed, and nothing acknowledged is missed")
    func leaderKilled() async throws {
        let members = try await EtcdProcess.cluster(3)
        var settings = EtcdSettings(endpoints: members.map(\.endpoint))
        settings.timeout = .seconds(3)
        try await EtcdStoreTests.with(settings) { store in
            let start = try await store.put("number", [])
            // It may see more than what was acknowledged: what was done and whose answer was lost.
            let watching = Task {
                var revisions: [Int64] = []
                for try await commit in store.watch(prefix: "", after: start) {
                    if case .put(let entry) = commit.changes.first, entry.key == "end" { break }
                    revisions.append(commit.revision)
                }
                return revisions
            }

            let acknowledged = try await write(store, count: 120) { count in
                if count == 40 { try await leader(of: members).kill() }
            }
            #expect(acknowledged.count == 120)
            try await store.put("end", [])

            let told = try await watching.value
            #expect(Set(told).isSuperset(of: acknowledged))
            #expect(zip(told, told.dropFirst()).allSatisfy { $0 < $1 })
            #expect(told.count <= 125)
        }
    }

    private func leader(of members: [EtcdProcess]) async throws -> EtcdProcess {
        for member in members {
            let status = try await member.ask(Status())
            if status.member == status.leader { return member }
        }
        throw StoreError(.unavailable, "there is no leader")
    }

    @Test("a watch goes on without loss when its member is killed and started again")
    func restarted() async throws {
        let etcd = try await EtcdProcess.start()
        var settings = etcd.settings
        settings.timeout = .seconds(2)
        try await EtcdStoreTests.with(settings) { store in
            let start = try await store.put("a", [0])
            async let commits = store.commits(3, after: start)
            var revisions = [try await store.put("a", [1])]

            etcd.kill()
            await expectError(.unavailable, "\(etcd.endpoint): connection refused") { try await store.put("a", [9]) }
            try await etcd.start()
            for number in [2, 3] as [UInt8] { revisions.append(try await store.put("a", [number])) }

            #expect(try await commits.map(\.revision) == revisions)
        }
    }

    @Test("calls to a member that is stopped end within their time, and its watches go on when it does")
    func stopped() async throws {
        let etcd = try await EtcdProcess.start()
        var settings = etcd.settings
        settings.timeout = .milliseconds(500)
        settings.silence = .milliseconds(200)
        try await EtcdStoreTests.with(settings) { store in
            let lease = try await store.grantLease(.seconds(30))
            let start = try await store.put("a", [0])
            async let commits = store.commits(1, after: start)
            while store.waiterCount != 1 { await Task.yield() }

            etcd.suspend()
            let message = "\(etcd.endpoint): it doesn't answer"
            let duration = await ContinuousClock().measure {
                await expectError(.unavailable, message) { try await store.get("a") }
                await expectError(.unavailable, message) { try await store.list(prefix: "") }
                await expectError(.unavailable, message) { try await store.put("b", [1]) }
                await expectError(.unavailable, message) { try await store.grantLease(.seconds(10)) }
                await expectError(.unavailable, message) { try await store.keepAlive(lease.id) }
                await expectError(.unavailable, message) { try await store.revoke(LeaseID(rawValue: 1)) }
            }
            #expect(duration < .milliseconds(500 * 6 + 2_500))
            // The watch has noticed too: it has let go of its connection.
            while store.waiterCount != 0 { await Task.yield() }

            etcd.resume()
            try await etcd.isReady()
            try await store.put("c", [1])
            // What it was asked before it was stopped may be done now, or not.
            #expect(try await commits.first?.revision ?? 0 > start)
            #expect(try await store.keepAlive(lease.id) == lease.timeToLive)
        }
    }
}
