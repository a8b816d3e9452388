import Foundation
import MantaTestKit
import Synchronization
import Testing

extension OperationTests {
    @Suite("A new certificate")
    struct CertificateReloadTests {
        @Test("on SIGHUP new connections get the new certificate, and no request of curl's fails meanwhile")
        func reload() async throws {
            let folder = try TemporaryFolder()
            for number in [1, 2] {
                let made = try await Tool.run(
                    "/bin/sh",
                    [
                        "-c",
                        """
                        cd '\(folder.path)' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
                        -days 2 -subj /CN=\(number) -addext subjectAltName=IP:127.0.0.1 -set_serial \(number) \
                        -keyout \(number).key -out \(number).pem && cat \(number).pem >>both.pem
                        """,
                    ])
                try #require(made.status == 0, "\(made.output)")
            }
            try folder.copy(fromRepository: fixture("identity_fp32"), to: "models/m/1/model.onnx")
            try folder.write(
                "models: [models]\nhttp: {access_log: false, tls: {certificate: c.pem, key: k.pem}}\n", to: "manta.yaml"
            )
            try folder.use("1")
            let server = try await ServerProcess.ready(["--config", "\(folder.path)/manta.yaml"])
            let curl = Curl(url: "https://127.0.0.1:\(server.port)/v2/models/m", authority: "\(folder.path)/both.pem")

            async let first = curl.statuses()
            async let second = curl.statuses()
            let before = try await Self.serial(port: server.port)
            try folder.use("2")
            try await onThread {
                let admin = try OperatorClient(port: server.adminPort)
                let past = try admin.pastEvents()
                server.signal(SIGHUP)
                try admin.wait(forEvent: "files were read again", beyond: past)
            }
            let after = try await Self.serial(port: server.port)
            curl.stop()
            let statuses = try await first + second

            #expect(before == "serial=01\n")
            #expect(after == "serial=02\n")
            #expect(statuses.count >= 100)
            #expect(statuses.allSatisfy { $0 == "200" }, "\(Set(statuses))")
        }

        /// The number of the certificate that a new connection is shown.
        private static func serial(port: Int) async throws -> String {
            try await Tool.run(
                "/bin/sh",
                [
                    "-c",
                    "openssl s_client -connect 127.0.0.1:\(port) </dev/null 2>/dev/null | openssl x509 -noout -serial",
                ]
            ).output
        }
    }
}

/// Asks for a page again and again, with connections that are kept for some of the requests.
private final class Curl: Sendable {
    private let url: String
    private let authority: String
    private let isOver = Atomic(false)

    /// - Parameters:
    ///   - url: What to ask for.
    ///   - authority: The file of certificates to trust.
    init(url: String, authority: String) {
        (self.url, self.authority) = (url, authority)
    }

    /// The statuses of all replies, until ``stop()``.
    func statuses() async throws -> [Substring] {
        var statuses: [Substring] = []
        repeat {
            let arguments = ["--silent", "--show-error", "--cacert", authority, "--output", "/dev/null"]
            let result = try await Tool.run(
                "/usr/bin/curl", arguments + ["--write-out", "%{http_code}\n", url + "?[1-50]"])
            statuses += result.output.split(separator: "\n")
        } while !isOver.load(ordering: .relaxed)
        return statuses
    }

    /// Lets the requests end.
    func stop() { isOver.store(true, ordering: .relaxed) }
}

extension TemporaryFolder {
    /// Puts a certificate and its key in the place of those that the server reads.
    fileprivate func use(_ pair: String) throws {
        for (source, name) in [("pem", "c.pem"), ("key", "k.pem")] {
            try write([UInt8](Data(contentsOf: URL(filePath: "\(path)/\(pair).\(source)"))), to: name)
        }
    }
}
