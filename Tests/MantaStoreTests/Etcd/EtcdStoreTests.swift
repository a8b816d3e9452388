import Foundation
import MantaStoreTestKit
import MantaTestKit
import Testing

@testable import MantaEtcd
@testable import MantaStore

/// What only a store in etcd does.
@Suite("The store in etcd")
struct EtcdStoreTests {
    /// Does `body` with a store of these settings.
    static func with<Result>(_ settings: EtcdSettings, _ body: (EtcdStore) async throws -> Result) async throws
        -> Result
    {
        let store = try EtcdStore(settings)
        do {
            let result = try await body(store)
            await store.close()
            return result
        } catch {
            await store.close()
            throw error
        }
    }

    /// Does `body` with an etcd that nobody else uses.
    static func withEtcd(_ body: (EtcdProcess) async throws -> Void) async throws {
        let etcd = try await EtcdPool.shared.take()
        do { try await body(etcd) } catch { Issue.record(error) }
        try await etcd.revokeLeases()
        await EtcdPool.shared.giveBack(etcd)
    }

    @Test("settings that can't be meant are refused and the message names the fault")
    func settings() async throws {
        await expectError(.invalid, "no endpoint") { try EtcdStore(EtcdSettings(endpoints: [])) }
        for endpoint in ["127.0.0.1:2379", "ftp://a", "http://", "http://a/path", "http://me:secret@a:1", ""] {
            await expectError(.invalid, "endpoint \"\(endpoint)\" of etcd: expected http://host:port") {
                try EtcdStore(EtcdSettings(endpoints: [endpoint]))
            }
        }
        var settings = EtcdSettings(endpoints: ["https://a:2379"])
        settings.tls = .init(trustRoots: "/nothing.pem")
        await expectError(.invalid, "/nothing.pem: expected a file with certificates") { try EtcdStore(settings) }
        settings.tls = .init(key: "/key.pem")
        await expectError(.invalid, "/key.pem: a key without a certificate") { try EtcdStore(settings) }
        settings.tls = .init(certificate: "/certificate.pem")
        await expectError(.invalid, "/certificate.pem: a certificate without a key") { try EtcdStore(settings) }
    }

    @Test("an etcd that isn't there is told with each endpoint and what is wrong with it")
    func absent() async throws {
        let free = try FakeServer(nil).port
        let settings = EtcdSettings(endpoints: ["http://127.0.0.1:\(free)", "http://no-such-host.invalid:2379"])
        try await Self.with(settings) { store in
            await expectError(.unavailable, "http://127.0.0.1:\(free): connection refused") { try await store.get("a") }
            await expectError(.unavailable, "http://no-such-host.invalid:2379: the name") {
                try await store.put("a", [])
            }
        }
    }

    @Test(
        "what answers but is no etcd is told as such",
        arguments: [
            ("200 OK", "{}"), ("200 OK", "hello"), ("404 Not Found", "<h1>nothing here</h1>"), ("302 Found", ""),
        ])
    func foreign(status: String, body: String) async throws {
        let server = try FakeServer(status: status, body: body)
        try await Self.with(EtcdSettings(endpoints: [server.endpoint])) { store in
            let message = "\(server.endpoint) isn't an etcd with the v3 API: POST"
            await expectError(.foreign, message) { try await store.get("a") }
            await expectError(.foreign, "\"\(body)\"") { try await store.put("a", []) }
            await expectError(.foreign, message) { try await store.grantLease(.seconds(5)) }
            await expectError(.foreign, message) { try await store.keepAlive(LeaseID(rawValue: 1)) }
        }
        withExtendedLifetime(server) {}
    }

    @Test("a proxy whose etcd is away, and one that just closes, make it unavailable")
    func brokenProxies() async throws {
        let (proxy, closing) = (try FakeServer(status: "503 Service Unavailable", body: "<p>"), try FakeServer(""))
        try await Self.with(EtcdSettings(endpoints: [proxy.endpoint, closing.endpoint])) { store in
            await expectError(.unavailable, "\(proxy.endpoint): it answers with status 503") {
                try await store.get("a")
            }
            await expectError(.unavailable, "\(closing.endpoint): it closed the connection") {
                try await store.get("a")
            }
        }
        withExtendedLifetime((proxy, closing)) {}
    }

    @Test("calls go on to the next member; a transaction that a silent one may have done does not")
    func failover() async throws {
        try await Self.withEtcd { etcd in
            let silent = try FakeServer(nil)
            let free = try FakeServer(nil).port
            var settings = etcd.settings
            settings.timeout = .milliseconds(1_500)
            settings.endpoints = ["http://127.0.0.1:\(free)", etcd.endpoint]
            try await Self.with(settings) { store in
                try await store.put("a", [1])
                #expect(try await store.get("a")?.value == [1])
            }
            settings.endpoints = [silent.endpoint, etcd.endpoint]
            let value = try await Self.with(settings) { try await $0.get("a")?.value }
            #expect(value == [1])
            try await Self.with(settings) { store in
                await expectError(.unavailable, "\(silent.endpoint): it doesn't answer") {
                    try await store.put("a", [2])
                }
                #expect(try await store.get("a")?.value == [1])
                try await store.put("a", [3])
            }
            withExtendedLifetime(silent) {}
        }
    }

    @Test("stores with different prefixes share an etcd without seeing each other")
    func prefixes() async throws {
        try await Self.withEtcd { etcd in
            let settings = etcd.settings
            var (other, whole) = (settings, settings)
            other.prefix += "other/"
            whole.prefix = ""
            try await Self.with(settings) { store in
                try await Self.with(other) { other in
                    let start = try await store.put("a", [1])
                    try await other.put("a", [2])
                    #expect(try await other.list(prefix: "").entries.map(\.key) == ["a"])
                    #expect(try await store.list(prefix: "").entries.map(\.key) == ["a", "other/a"])
                    let told = try await other.commits(1, after: start)
                    #expect(told.first?.changes.map(\.key) == ["a"])
                }
            }
            try await Self.with(whole) { store in
                let keys = try await store.list(prefix: "").entries.map(\.key).filter { $0.hasPrefix(settings.prefix) }
                #expect(keys == [settings.prefix + "a", settings.prefix + "other/a"])
            }
        }
    }

    @Test("a list that is read page by page is of one revision while others write and all is forgotten")
    func pages() async throws {
        try await Self.withEtcd { etcd in
            var settings = etcd.settings
            settings.pageSize = 3
            try await Self.with(settings) { store in
                let keys = (10..<30).map { "\($0)" }
                let writer = Task {
                    for number in 0..<40 as Range<UInt8> {
                        let writes = keys.map { Transaction.Write.put($0, [number]) }
                        _ = try await store.commit(Transaction(then: writes))
                        if number % 10 == 9 { try await etcd.compact() }
                    }
                }
                for _ in 0..<20 {
                    let snapshot = try await store.list(prefix: "")
                    #expect(Set(snapshot.entries.map(\.value)).count <= 1)
                    #expect(snapshot.entries.allSatisfy { $0.modified == snapshot.revision })
                }
                try await writer.value
                #expect(try await store.list(prefix: "").entries.map(\.key) == keys)
            }
        }
    }

    @Test("a watch that is far behind gets each large commit whole, though etcd splits them")
    func fragments() async throws {
        try await Self.withEtcd { etcd in
            try await Self.with(etcd.settings) { store in
                let start = try await store.put("start", [])
                let value = [UInt8](repeating: 7, count: 450_000)
                var revisions: [Int64] = []
                for _ in 0..<6 {
                    let writes = ["b", "a"].map { Transaction.Write.put($0, value) }
                    revisions.append(try await store.commit(Transaction(then: writes)).revision)
                }

                let commits = try await store.commits(6, after: start)

                #expect(commits.map(\.revision) == revisions)
                #expect(commits.allSatisfy { $0.changes.map(\.key) == ["a", "b"] })
            }
        }
    }

    @Test("events of one revision are one commit, in whatever messages they come")
    func assembly() throws {
        func message(_ json: String) throws -> EtcdWatchMessage.Result {
            try JSONDecoder().decode(EtcdWatchMessage.Result.self, from: Data(json.utf8))
        }
        func event(_ key: String, _ revision: Int, _ type: String = "") -> String {
            let key = Data("p/\(key)".utf8).base64EncodedString()
            return #"{\#(type)"kv":{"key":"\#(key)","create_revision":"2","mod_revision":"\#(revision)"}}"#
        }
        let keys = EtcdKeys(prefix: "p/")
        var assembly = EtcdCommitAssembly()

        assembly.add(try message(#"{"fragment":true,"events":[\#(event("b", 5)),\#(event("a", 5))]}"#), keys)
        #expect(assembly.next() == nil)
        assembly.add(
            try message(#"{"events":[\#(event("A", 5, #""type":"DELETE","#)),\#(event("c", 6))]}"#), keys)

        let entries = ["a", "b", "c"].map {
            Entry(key: $0, value: [], created: 2, modified: $0 == "c" ? 6 : 5)
        }
        #expect(
            assembly.next()
                == Commit(revision: 5, changes: [.deleted("A"), .put(entries[0]), .put(entries[1])]))
        #expect(assembly.next() == Commit(revision: 6, changes: [.put(entries[2])]))
        #expect(assembly.next() == nil)
    }

    @Test("the connection of a watch ends with its reader")
    func connections() async throws {
        try await Self.withEtcd { etcd in
            try await Self.with(etcd.settings) { store in
                let start = try await store.put("a", [])
                try await store.put("b", [])
                for _ in 0..<5 { _ = try await store.commits(1, after: start) }
                let waiting = Task { try await store.commits(1, after: start + 1) }
                while store.waiterCount != 1 { await Task.yield() }
                waiting.cancel()
                #expect(try await waiting.value == [])

                while try await etcd.watcherCount() > 0 { await Task.yield() }
            }
        }
    }

    @Test("a watch ahead of etcd, as after an older copy was brought back, is told to list again")
    func watchAhead() async throws {
        try await Self.withEtcd { etcd in
            try await Self.with(etcd.settings) { store in
                let revision = try await store.put("a", [])
                await expectError(.compacted, "etcd is at \(revision): list again") {
                    try await store.commits(1, after: revision + 1_000)
                }
            }
        }
    }

    @Test("a cancelled call ends at once")
    func cancellation() async throws {
        let silent = try FakeServer(nil)
        var settings = EtcdSettings(endpoints: [silent.endpoint])
        settings.timeout = .seconds(600)
        try await Self.with(settings) { store in
            let call = Task { try await store.get("a") }
            call.cancel()
            await expectError(.unavailable, "cancelled") { try await call.value }
        }
        withExtendedLifetime(silent) {}
    }
}

extension EtcdProcess {
    /// How many watches it has.
    func watcherCount() async throws -> Int {
        let port = Int(address.clientPort)
        let metrics = try await onThread { try SocketClient(port: port).request("GET", "/metrics").text }
        let line = metrics.split(separator: "\n").first { $0.hasPrefix("etcd_debugging_mvcc_watcher_total ") }
        return line.flatMap { $0.split(separator: " ").last }.flatMap { Int($0) } ?? 0
    }
}
