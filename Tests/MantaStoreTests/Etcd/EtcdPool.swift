import Foundation
import MantaStoreTestKit

@testable import MantaEtcd
@testable import MantaStore

/// A few etcds that tests have one after the other, each for itself: the revision and what is forgotten are of the whole
/// etcd.
actor EtcdPool {
    static let shared = EtcdPool()
    private static let size = 3

    private var idle: [EtcdProcess] = []
    private var count = 0
    private var waiters: [CheckedContinuation<Void, Never>] = []

    /// An etcd that nobody else uses until it is given back.
    func take() async throws -> EtcdProcess {
        while true {
            if let process = idle.popLast() { return process }
            if count < Self.size {
                count += 1
                do {
                    return try await EtcdProcess.start()
                } catch {
                    count -= 1
                    throw error
                }
            }
            await withCheckedContinuation { waiters.append($0) }
        }
    }

    /// It may be used by others.
    func giveBack(_ process: EtcdProcess) {
        idle.append(process)
        if !waiters.isEmpty { waiters.removeFirst().resume() }
    }
}

/// What only tests ask of etcd.
struct EtcdCompaction: EtcdRequest {
    struct Reply: EtcdReply {
        let header: EtcdHeader?
    }

    static let path = "/v3/kv/compaction"
    static let isRepeatable = false

    let revision: EtcdNumber
}

/// The leases there are.
struct EtcdLeases: EtcdRequest {
    struct Reply: EtcdReply {
        struct Status: Decodable {
            let id: EtcdNumber

            private enum CodingKeys: String, CodingKey {
                case id = "ID"
            }
        }

        let header: EtcdHeader?
        let leases: [Status]?
    }

    static let path = "/v3/lease/leases"
    static let isRepeatable = true
}

extension EtcdProcess {
    /// Settings for this member alone, with a prefix of their own.
    var settings: EtcdSettings {
        var settings = EtcdSettings(endpoints: [endpoint])
        settings.prefix = "test/\(UInt64.random(in: 0 ... .max))/"
        return settings
    }

    /// Asks it something, as no store does.
    func ask<Request: EtcdRequest>(_ request: Request) async throws -> Request.Reply {
        let connection = try EtcdConnection(EtcdSettings(endpoints: [endpoint]))
        do {
            let reply = try await connection.call(request)
            await connection.close()
            return reply
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Makes it forget everything before its present revision.
    func compact() async throws {
        let range = EtcdRange(key: Data([0]), limit: EtcdNumber(1))
        guard let revision = try await ask(range).header?.revision else { return }
        _ = try await ask(EtcdCompaction(revision: revision))
    }

    /// Ends all leases.
    func revokeLeases() async throws {
        for lease in try await ask(EtcdLeases()).leases ?? [] { _ = try await ask(EtcdLeaseRevoke(id: lease.id)) }
    }
}
