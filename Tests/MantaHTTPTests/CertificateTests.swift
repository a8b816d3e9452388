import Foundation
import Logging
import MantaHTTP
import MantaProcesses
import MantaTestKit
import Testing

@Suite("Certificates that change", .timeLimit(.minutes(2)))
struct CertificateTests {
    @Test("twenty reloads, while requests come on kept and on new connections, lose none of them")
    func underLoad() async throws {
        let files = try await Certificates()
        try files.use(.first)
        try await serving {
            $0.tls = files.inUse
        } body: { port, server in
            let url = "https://127.0.0.1:\(port)/hello"
            let curl = "curl -sS --cacert \(files.path)/both.pem -o /dev/null -w '%{http_code} %{num_connects}\\n'"
            async let kept = Shell.run("\(curl) '\(url)?n=[1-3000]'")
            async let new = Shell.run("for i in $(seq 60); do \(curl) \(url) || exit 1; done")
            for round in 1...20 {
                let pair = round.isMultiple(of: 2) ? Certificates.Pair.first : .second
                try files.use(pair)
                try await server.reload()
                #expect(try await Shell.serial(port: port) == pair.serial)
            }
            // One connection for all of the first, another for each of the second.
            #expect(try await kept == (["200 1"] + Array(repeating: "200 0", count: 2999)).map { $0 + "\n" }.joined())
            #expect(try await new == String(repeating: "200 1\n", count: 60))
        }
    }

    enum Damage: CaseIterable, Sendable {
        case missing, notPEM, cutOff, anotherKey
    }

    @Test("files that can't be used leave the old certificate in force, and say why", arguments: Damage.allCases)
    func bad(damage: Damage) async throws {
        let files = try await Certificates()
        try files.use(.first)
        let (error, serial) = try await serving {
            $0.tls = files.inUse
        } body: { port, server in
            try files.use(.second)
            switch damage {
            case .missing: try FileManager.default.removeItem(atPath: files.inUse.certificate)
            case .notPEM: try files.folder.write("nonsense", to: "c.pem")
            case .cutOff: try files.folder.write("-----BEGIN CERTIFICATE-----\nMIIB", to: "c.pem")
            case .anotherKey: try files.folder.copyAgain("1.key", to: "k.pem")
            }
            let error = await #expect(throws: HTTPServerError.self) { try await server.reload() }
            return (error, try await Shell.serial(port: port))
        }

        let reason =
            switch damage {
            case .missing: "it can't be read: No such file or directory"
            case .notPEM: "it isn't a PEM file"
            case .cutOff: "it can't be used with the key \(files.inUse.key): Base64 unexpected header error."
            case .anotherKey:
                "it can't be used with the key \(files.inUse.key): The certificate and the given key do not match."
            }
        #expect(error?.description == "\(files.inUse.certificate): \(reason)")
        #expect(serial == Certificates.Pair.first.serial)
    }

    @Test("a listener doesn't open with a key that isn't the certificate's")
    func start() async throws {
        let files = try await Certificates()
        let tls = TLSFiles(certificate: files.path + "/1.pem", key: files.path + "/2.key")
        await #expect(throws: HTTPServerError.self) {
            try await serving {
                $0.tls = tls
            } body: { _, _ in
            }
        }
    }

    @Test("reloads leave no descriptor and no thread behind")
    func nothingLeft() async {
        // In a process of its own, whose descriptors and threads nobody else opens.
        await #expect(processExitsWith: .success) {
            let files = try await Certificates()
            try files.use(.first)
            try await serving {
                $0.tls = files.inUse
            } body: { port, server in
                func round() async throws {
                    try await server.reload()
                    _ = try await Shell.serial(port: port)
                    while server.connectionCount > 0 { await Task.yield() }
                }
                func count(_ folder: String) throws -> Int {
                    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/\(folder)").count
                }
                try await round()
                let (descriptors, threads) = (try count("fd"), try count("task"))
                for _ in 0..<20 { try await round() }
                while try count("fd") > descriptors || count("task") > threads { await Task.yield() }
            }
        }
    }
}

/// Two certificates for 127.0.0.1 and their keys, of which one pair is in use.
private final class Certificates: Sendable {
    enum Pair: String {
        case first = "1"
        case second = "2"

        /// As `openssl x509 -serial` tells it.
        var serial: String { "serial=0\(rawValue)\n" }
    }

    let folder: TemporaryFolder
    var path: String { folder.path }
    var inUse: TLSFiles { TLSFiles(certificate: path + "/c.pem", key: path + "/k.pem") }

    init() async throws {
        folder = try TemporaryFolder()
        for pair in ["1", "2"] {
            _ = try await Shell.run(
                """
                cd \(folder.path) && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
                -subj /CN=\(pair) -addext subjectAltName=IP:127.0.0.1 -set_serial \(pair) -keyout \(pair).key \
                -out \(pair).pem 2>/dev/null && cat \(pair).pem >>both.pem
                """)
        }
    }

    func use(_ pair: Pair) throws {
        try folder.copyAgain(pair.rawValue + ".pem", to: "c.pem")
        try folder.copyAgain(pair.rawValue + ".key", to: "k.pem")
    }
}

extension TemporaryFolder {
    /// Copies a file of the folder over another.
    fileprivate func copyAgain(_ source: String, to name: String) throws {
        try write([UInt8](Data(contentsOf: URL(filePath: path + "/" + source))), to: name)
    }
}

/// Runs programs beside the test.
private enum Shell {
    struct Failure: Error {
        let output: String
    }

    /// What a command prints.
    static func run(_ command: String) async throws -> String {
        let result = try await Program("/bin/sh", ["-c", command]).run()
        guard result.status == 0 else { throw Failure(output: result.output + result.errors) }
        return result.output
    }

    /// The number of the certificate that a new connection is shown.
    static func serial(port: Int) async throws -> String {
        try await run(
            "openssl s_client -connect 127.0.0.1:\(port) </dev/null 2>/dev/null | openssl x509 -noout -serial")
    }
}
