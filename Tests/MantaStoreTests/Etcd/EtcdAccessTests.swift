import Foundation
import MantaProcesses
import MantaStoreTestKit
import MantaTestKit
import Testing

@testable import MantaEtcd
@testable import MantaStore

/// Certificates, users and passwords.
@Suite("The store in etcd and who may use it", .timeLimit(.minutes(2)))
struct EtcdAccessTests {
    // MARK: - TLS

    /// An authority with certificates of a server and a client, as files.
    private struct Certificates {
        let folder: TemporaryFolder
        var authority: String { folder.path + "/ca.pem" }

        func certificate(_ name: String) -> String { "\(folder.path)/\(name).pem" }
        func key(_ name: String) -> String { "\(folder.path)/\(name).key" }

        init() async throws {
            folder = try TemporaryFolder()
            try await openssl(
                ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
                    + ["-subj", "/CN=authority", "-keyout", key("ca"), "-out", authority])
            for name in ["server", "client"] {
                try folder.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n", to: "names")
                try await openssl(
                    ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
                        + ["-subj", "/CN=\(name)", "-keyout", key(name), "-out", "\(folder.path)/\(name).csr"])
                try await openssl(
                    ["x509", "-req", "-in", "\(folder.path)/\(name).csr", "-CA", authority, "-CAkey", key("ca")]
                        + ["-CAcreateserial", "-days", "2", "-extfile", "\(folder.path)/names"]
                        + ["-out", certificate(name)])
            }
        }

        private func openssl(_ arguments: [String]) async throws {
            let result = try await Program("/usr/bin/openssl", arguments).run()
            guard result.status == 0 else {
                throw StoreError(.invalid, "openssl \(arguments) ended with \(result.status): \(result.errors)")
            }
        }
    }

    @Test("it speaks TLS, shows a certificate, and tells plainly what doesn't fit")
    func tls() async throws {
        let (files, others) = (try await Certificates(), try await Certificates())
        let etcd = try await EtcdProcess.start(
            [
                "--cert-file", files.certificate("server"), "--key-file", files.key("server"),
                "--client-cert-auth", "--trusted-ca-file", files.authority,
            ], scheme: "https")
        var settings = etcd.settings
        settings.tls = .init(
            trustRoots: files.authority, certificate: files.certificate("client"), key: files.key("client"))
        try await etcd.isReady(settings)

        try await EtcdStoreTests.with(settings) { store in
            let start = try await store.put("a", [1])
            async let commits = store.commits(1, after: start)
            let revision = try await store.put("a", [2])
            #expect(try await commits.map(\.revision) == [revision])
        }
        try await expectRefusal(settings, .unavailable, "wants one and none is given") { settings in
            settings.tls.certificate = nil
            settings.tls.key = nil
        }
        try await expectRefusal(settings, .unavailable, "refuses the client's certificate") { settings in
            settings.tls.certificate = others.certificate("client")
            settings.tls.key = others.key("client")
        }
        try await expectRefusal(settings, .unavailable, "its certificate isn't trusted") { settings in
            settings.tls.trustRoots = others.authority
        }
        try await expectRefusal(settings, .unavailable, "closed the connection without an answer") { settings in
            settings.endpoints = ["http://127.0.0.1:\(etcd.address.clientPort)"]
        }
        let plain = try FakeServer(status: "200 OK", body: "{}")
        try await expectRefusal(settings, .unavailable, "it doesn't speak TLS") { settings in
            settings.endpoints = ["https://127.0.0.1:\(plain.port)"]
        }
        withExtendedLifetime(plain) {}
    }

    private func expectRefusal(
        _ settings: EtcdSettings, _ code: StoreError.Code, _ text: String, location: SourceLocation = #_sourceLocation,
        _ change: (inout EtcdSettings) -> Void
    ) async throws {
        var settings = settings
        change(&settings)
        try await EtcdStoreTests.with(settings) { store in
            await expectError(code, text, location: location) { try await store.get("a") }
        }
    }

    // MARK: - Users

    private struct Done: EtcdReply {
        let header: EtcdHeader?
    }

    private struct AddUser: EtcdRequest {
        typealias Reply = Done
        static let path = "/v3/auth/user/add"
        static let isRepeatable = false
        let name: String
        let password: String
    }

    private struct AddRole: EtcdRequest {
        typealias Reply = Done
        static let path = "/v3/auth/role/add"
        static let isRepeatable = false
        let name: String
    }

    private struct GrantRole: EtcdRequest {
        typealias Reply = Done
        static let path = "/v3/auth/user/grant"
        static let isRepeatable = false
        let user: String
        let role: String
    }

    private struct Permit: EtcdRequest {
        struct Permission: Encodable {
            let permType = "READWRITE"
            let key: Data
            let range_end: Data
        }

        typealias Reply = Done
        static let path = "/v3/auth/role/grant"
        static let isRepeatable = false
        let name: String
        let perm: Permission
    }

    private struct Enable: EtcdRequest {
        typealias Reply = Done
        static let path = "/v3/auth/enable"
        static let isRepeatable = false
    }

    @Test("it asks as a user, within what the user may do, and again when etcd no longer knows its token")
    func users() async throws {
        let etcd = try await EtcdProcess.start()
        var settings = etcd.settings
        settings.user = .init(name: "manta", password: "secret")
        try await EtcdStoreTests.with(settings) { store in
            try await store.put("early", [])

            let range = EtcdKeys(prefix: settings.prefix).range("")
            _ = try await etcd.ask(AddUser(name: "root", password: "root"))
            _ = try await etcd.ask(GrantRole(user: "root", role: "root"))
            _ = try await etcd.ask(AddUser(name: "manta", password: "secret"))
            _ = try await etcd.ask(AddRole(name: "manta"))
            _ = try await etcd.ask(
                Permit(name: "manta", perm: .init(key: range.start, range_end: range.end)))
            _ = try await etcd.ask(GrantRole(user: "manta", role: "manta"))
            _ = try await etcd.ask(Enable())

            let lease = try await store.grantLease(.seconds(30))
            let start = try await store.put("a", [1], lease: lease.id)
            async let commits = store.commits(3, after: start)
            try await store.put("a", [2])

            // It keeps tokens in memory.
            etcd.kill()
            try await etcd.start()
            try await store.put("a", [3])
            try await store.keepAlive(lease.id)
            let last = try await store.put("a", [4])
            #expect(try await commits.last?.revision == last)
        }
        try await expectRefusal(settings, .unauthorised, "refuses the user \"manta\": wrong name or password") {
            $0.user?.password = "guess"
        }
        try await expectRefusal(settings, .unauthorised, "refuses a client without a user: expected a user") {
            $0.user = nil
        }
        try await expectRefusal(settings, .unauthorised, "refuses the user \"manta\": etcdserver: permission denied") {
            $0.prefix = "others/"
        }
        settings.prefix = "others/"
        try await EtcdStoreTests.with(settings) { store in
            await expectError(.unauthorised, "permission denied") { try await store.commits(1, after: 1) }
        }
    }
}
