import Foundation
import MantaTestKit
import Testing

@Suite("Privacy", .timeLimit(.minutes(5)))
struct PrivacyTests {
    @Test("no file appears in an empty home folder and no connection leaves loopback")
    func nothingLeaves() async throws {
        let folder = try TemporaryFolder()
        let home = "\(folder.path)/home"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        let trace = "\(folder.path)/trace"
        let environment = [
            "HOME": home, "XDG_CACHE_HOME": "\(home)/.cache", "XDG_CONFIG_HOME": "\(home)/.config",
            "XDG_DATA_HOME": "\(home)/.local/share", "TMPDIR": home,
        ]
        let server = try await ServerProcess.ready(
            ["--models", "models"], environment: environment,
            launcher: ["/usr/bin/strace", "-D", "-f", "-q", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", trace])
        try await onThread {
            let client = try InferenceClient(port: server.port)
            for _ in 0..<100 {
                _ = try client.infer("digits-svm", input: "X", shape: [1, 64], [Float](repeating: 1, count: 64))
            }
        }
        server.signal(SIGTERM)
        #expect(await server.exitStatus() == 0)

        let files = try #require(FileManager.default.enumerator(atPath: home)).compactMap { $0 as? String }
        #expect(files.isEmpty)
        let calls = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
        let addressed = calls.filter { $0.contains("sin_addr") || $0.contains("sin6_addr") }
        #expect(addressed.allSatisfy { $0.contains("127.0.0.1") || $0.contains("::1") }, "\(addressed)")
        #expect(calls.contains { $0.contains("sendmsg(") || $0.contains("sendto(") }, "the trace is empty")
    }
}
