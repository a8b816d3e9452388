import Logging
import MantaHTTP
import Testing

@testable import MantaConfig

private func read(_ yaml: String) -> ServerConfiguration {
    ServerConfiguration.read(yaml: yaml, file: "/etc/manta/manta.yaml").configuration
}

/// The faults of a `manta.yaml`, each as a line.
private func faults(_ yaml: String) -> [String] {
    ServerConfiguration.read(yaml: yaml, file: "manta.yaml").faults.map(\.description)
}

@Suite("manta.yaml")
struct ServerFileTests {
    typealias Key = KeyCase<ServerConfiguration>

    static let keys: [Key] =
        [
            Key("models", "[models, /srv/models]", expected: "a list, each a path (a string)", refused: notLists) {
                $0.repositories == ["/etc/manta/models", "/srv/models"]
            },
            Key("model_files", "[a.onnx]", expected: "a list, each a path (a string)", refused: notLists) {
                $0.modelFiles == ["/etc/manta/a.onnx"]
            },
            Key("state", "../state", expected: "a path (a string)", refused: notStrings) {
                $0.stateFolder == "/etc/manta/../state"
            },
            Key("model_control", "true", expected: "true or false", refused: notFlags) { $0.allowsModelControl },
            Key("shared_memory", "true", expected: "true or false", refused: notFlags) { $0.allowsSharedMemory },
            Key(
                "logging.level", "debug", expected: "trace, debug, info, notice, warning, error, critical",
                refused: notStrings + strings("verbose", "INFO")
            ) { $0.logLevel == .debug },
            Key("onnxruntime.library", "lib/ort.so", expected: "a path (a string)", refused: notStrings) {
                $0.engineLibrary == "/etc/manta/lib/ort.so"
            },
            Key("admin.insecure", "true", expected: "true or false", refused: notFlags) { $0.admin.isInsecureAllowed },
        ] + listener("http", \.http) + listener("admin", \.admin) + grpc

    private static let notLists: [Refusal] = [
        ("models", "the string \"models\""), ("1", "1"), ("{a: b}", "a mapping"), ("~", "nothing"),
    ]

    private static let grpc: [Key] = [
        Key(
            "grpc.listen", "0.0.0.0:9001", expected: Endpoint.expectedOrOff,
            refused: notStrings + strings("localhost", "a:70000", "on")
        ) { $0.grpc.endpoint == Endpoint("0.0.0.0:9001") },
        Key("grpc.threads", "2", expected: "a whole number from 1 to 256", refused: notNumbers + numbers("0", "257")) {
            $0.grpc.threads == 2
        },
        Key(
            "grpc.tls", "{certificate: a.pem, key: /b.pem}", expected: "a mapping of keys to values",
            refused: [("a.pem", "the string \"a.pem\""), ("[a.pem]", "a list"), ("true", "true")]
        ) { $0.grpc.tls == TLSFiles(certificate: "/etc/manta/a.pem", key: "/b.pem") },
        Key("grpc.credentials", "tokens.txt", expected: "a path (a string)", refused: notStrings) {
            $0.grpc.credentials == "/etc/manta/tokens.txt"
        },
        Key("grpc.access_log", "false", expected: "true or false", refused: notFlags) { !$0.grpc.accessLog },
        Key(
            "grpc.drain_timeout_s", "2.5", expected: "a number of seconds from 0 to 86400",
            refused: notNumbers + numbers("-1", "86400.5")
        ) { $0.grpc.drainTimeout == .milliseconds(2500) },
        Key(
            "grpc.limits.connections", "5", expected: "a whole number from 1 to 1000000",
            refused: notNumbers + numbers("0", "1000001")
        ) { $0.grpc.limits.connections == 5 },
        Key(
            "grpc.limits.concurrent_streams", "5", expected: "a whole number from 1 to 1000000",
            refused: notNumbers + numbers("0", "1000001")
        ) { $0.grpc.limits.concurrentStreams == 5 },
        Key(
            "grpc.limits.requests_per_stream", "5", expected: "a whole number from 1 to 1000",
            refused: notNumbers + numbers("0", "1001")
        ) { $0.grpc.limits.requestsPerStream == 5 },
        Key(
            "grpc.limits.message_bytes", "1 GiB",
            expected: "a size from 1 byte to 2047 MiB, as bytes or such as 64 MiB",
            refused: notNumbers + numbers("0") + strings("2 GiB", "99999999999999999 GiB")
        ) { $0.grpc.limits.messageBytes == 1 << 30 },
        Key(
            "grpc.limits.message_timeout_s", "1.5", expected: "a number of seconds from 0.1 to 86400",
            refused: notNumbers + numbers("0", "86401")
        ) { $0.grpc.limits.messageTimeout == .milliseconds(1500) },
        Key(
            "grpc.limits.idle_timeout_s", "1.5", expected: "a number of seconds from 0.1 to 86400",
            refused: notNumbers + numbers("0", "86401")
        ) { $0.grpc.limits.idleTimeout == .milliseconds(1500) },
        Key(
            "grpc.limits.keepalive_s", "1.5", expected: "a number of seconds from 1 to 86400",
            refused: notNumbers + numbers("0.5", "86401")
        ) { $0.grpc.limits.keepalive == .milliseconds(1500) },
    ]

    private static func listener(
        _ name: String, _ path: any Sendable & KeyPath<ServerConfiguration, HTTPServerConfiguration>
    ) -> [Key] {
        func timeout(_ key: String, _ limit: any Sendable & KeyPath<HTTPLimits, Duration>) -> Key {
            Key(
                "\(name).limits.\(key)", "1.5", expected: "a number of seconds from 0.1 to 86400",
                refused: notNumbers + numbers("0", "86401")
            ) { $0[keyPath: path].limits[keyPath: limit] == .milliseconds(1500) }
        }
        return [
            Key(
                "\(name).listen", "0.0.0.0:9000", expected: Endpoint.expected,
                refused: notStrings + strings("localhost", "a:70000", "http://a:1")
            ) { $0[keyPath: path].host == "0.0.0.0" && $0[keyPath: path].port == 9000 },
            Key(
                "\(name).threads", "2", expected: "a whole number from 1 to 256",
                refused: notNumbers + numbers("0", "257")
            ) { $0[keyPath: path].threads == 2 },
            Key(
                "\(name).tls", "{certificate: a.pem, key: /b.pem}", expected: "a mapping of keys to values",
                refused: [("a.pem", "the string \"a.pem\""), ("[a.pem]", "a list"), ("true", "true")]
            ) { $0[keyPath: path].tls == TLSFiles(certificate: "/etc/manta/a.pem", key: "/b.pem") },
            Key("\(name).credentials", "tokens.txt", expected: "a path (a string)", refused: notStrings) {
                $0[keyPath: path].credentials == "/etc/manta/tokens.txt"
            },
            Key(
                "\(name).hosts", "[manta.example.com, m]",
                expected: "a list, each a host name, such as manta.example.com",
                refused: notLists.map { $0.yaml == "models" ? ("m", "the string \"m\"") : $0 }
            ) { $0[keyPath: path].hosts == ["manta.example.com", "m"] },
            Key("\(name).access_log", name == "http" ? "false" : "true", expected: "true or false", refused: notFlags) {
                $0[keyPath: path].accessLog == (name != "http")
            },
            Key("\(name).cancel_on_half_close", "false", expected: "true or false", refused: notFlags) {
                !$0[keyPath: path].cancelOnHalfClose
            },
            Key(
                "\(name).drain_timeout_s", "2.5", expected: "a number of seconds from 0 to 86400",
                refused: notNumbers + numbers("-1", "86400.5")
            ) { $0[keyPath: path].drainTimeout == .milliseconds(2500) },
            Key(
                "\(name).limits.connections", "5", expected: "a whole number from 1 to 1000000",
                refused: notNumbers + numbers("0", "1000001")
            ) { $0[keyPath: path].limits.connections == 5 },
            Key(
                "\(name).limits.connections_per_address", "5", expected: "a whole number from 0 to 1000000",
                refused: notNumbers + numbers("-1", "1000001")
            ) { $0[keyPath: path].limits.connectionsPerAddress == 5 },
            Key(
                "\(name).limits.header_bytes", "12KiB",
                expected: "a size from 1 KiB to 1 MiB, as bytes or such as 64 MiB",
                refused: notNumbers + numbers("1023", "1048577") + strings("2 MiB", "8 kB")
            ) { $0[keyPath: path].limits.headerBytes == 12_288 },
            Key(
                "\(name).limits.body_bytes", "1 GiB",
                expected: "a size from 1 byte to 1024 GiB, as bytes or such as 64 MiB",
                refused: notNumbers + numbers("0") + strings("1025 GiB", "99999999999999999 GiB")
            ) { $0[keyPath: path].limits.bodyBytes == 1 << 30 },
            timeout("header_timeout_s", \.headerTimeout), timeout("body_timeout_s", \.bodyTimeout),
            timeout("handler_timeout_s", \.handlerTimeout), timeout("idle_timeout_s", \.idleTimeout),
        ]
    }

    @Test("each key reaches its place, and no other value is its default", arguments: keys)
    func reaches(key: Key) {
        #expect(key.reaches(read(key.file(key.value).text)))
        #expect(!key.reaches(ServerConfiguration()))
    }

    @Test("each key refuses values of other types and out of range", arguments: keys)
    func refuses(key: Key) {
        key.expectRefusals(in: "manta.yaml", faults: faults)
    }

    @Test("a misspelt key is unknown", arguments: keys)
    func misspelt(key: Key) {
        key.expectSuggestion(in: "manta.yaml", faults: faults)
    }

    @Test("without a file, Manta listens on this machine only")
    func defaults() {
        let configuration = read("")

        #expect((configuration.http.host, configuration.http.port) == ("127.0.0.1", 8000))
        #expect((configuration.admin.host, configuration.admin.port) == ("127.0.0.1", 8002))
        #expect(configuration.grpc.endpoint == Endpoint("127.0.0.1:8001"))
        #expect(configuration.logLevel == .info)
        #expect(configuration.repositories.isEmpty && configuration.modelFiles.isEmpty)
        #expect(configuration.stateFolder == nil && configuration.engineLibrary == nil)
        #expect(configuration.http.limits == HTTPLimits())
    }

    @Test("an endpoint may be written without a host, and an IPv6 address in quotes")
    func listen() {
        let configuration = read("http:\n  listen: :9\nadmin: {listen: \"[::1]:7\"}")

        #expect((configuration.http.host, configuration.http.port) == ("127.0.0.1", 9))
        #expect((configuration.admin.host, configuration.admin.port) == ("::1", 7))
        #expect(faults("http:\n  listen: [::1]:9").first?.hasPrefix("manta.yaml:2:") == true)
    }

    @Test("the gRPC listener may be off")
    func off() {
        #expect(read("grpc: {listen: off}").grpc.endpoint == nil)
    }

    @Test("a host name has neither port nor scheme", arguments: ["a:1", "http://a", "a/b", "\"\"", "1"])
    func hostName(name: String) {
        #expect(faults("admin: {hosts: [\(name)]}").count == 1)
    }

    @Test("only operators' changes are kept from other machines and sites")
    func operators() {
        let configuration = read("http: {listen: 0.0.0.0:1}\nadmin: {listen: 0.0.0.0:2}")

        #expect(configuration.http.faults == [])
        #expect(configuration.admin.faults.count == 1)
        #expect(read("admin: {listen: 0.0.0.0:2, insecure: true}").admin.faults == [])
        #expect(faults("http: {insecure: true}").count == 1)
    }

    @Test("a certificate needs its key")
    func certificate() {
        #expect(
            faults("http:\n  tls: {certificate: a.pem, kye: b.pem}") == [
                "manta.yaml:2:8: http.tls: the key \"key\" is missing",
                "manta.yaml:2:29: http.tls: unknown key \"kye\", did you mean \"key\"? allowed here: certificate, key",
            ])
    }

    @Test("what is right in a file counts although something else is wrong")
    func partial() {
        let (configuration, faults) = ServerConfiguration.read(yaml: "models: [a, 1]\nstat: b", file: "manta.yaml")

        #expect(configuration.repositories == ["a"])
        #expect(faults.count == 2)
    }

    @Test("a file that can't be read is a fault")
    func missing() {
        let error = #expect(throws: ConfigurationErrors.self) { try ServerConfiguration(file: "/nowhere/manta.yaml") }

        #expect(error?.description == "/nowhere/manta.yaml: can't be read: No such file or directory")
    }
}
