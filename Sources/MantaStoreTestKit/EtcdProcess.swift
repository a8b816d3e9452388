import Foundation
package import MantaEtcd
import MantaProcesses
import MantaStore
import MantaTestKit
import Synchronization

/// One member of an etcd, a process of its own on free ports. It is killed when the test lets go of it, and also when the
/// tests' process is killed.
package final class EtcdProcess: Sendable {
    /// Where a member listens, and as what.
    package struct Address: Sendable {
        package let name: String
        package let clientPort: UInt16
        package let peerPort: UInt16
        package var scheme = "http"
        package var host = "127.0.0.1"

        package var endpoint: String { "\(scheme)://\(host):\(clientPort)" }
        var peer: String { "http://127.0.0.1:\(peerPort)" }
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    /// As `scripts/install-dependencies --tests` puts it there.
    private static let binary = root.appending(path: ".venv/bin/etcd").path

    package let address: Address
    private let folder: TemporaryFolder
    private let arguments: [String]
    private let running = Mutex<ChildProcess?>(nil)

    package var endpoint: String { address.endpoint }

    /// A member of the cluster of `all` that isn't started yet, with these arguments more.
    package init(_ address: Address, of all: [Address], _ arguments: [String] = []) throws {
        self.address = address
        folder = try TemporaryFolder()
        self.arguments =
            [
                "--name", address.name, "--data-dir", folder.path + "/data",
                "--listen-client-urls", address.endpoint, "--advertise-client-urls", address.endpoint,
                "--listen-peer-urls", address.peer, "--initial-advertise-peer-urls", address.peer,
                "--initial-cluster", all.map { "\($0.name)=\($0.peer)" }.joined(separator: ","),
                "--initial-cluster-token", UUID().uuidString,
                "--logger", "zap", "--log-level", "warn",
            ] + arguments
    }

    deinit {
        kill()
    }

    /// An etcd of one member that answers at this address, with these arguments more.
    package static func start(
        _ arguments: [String] = [], scheme: String = "http", host: String = "127.0.0.1"
    ) async throws -> EtcdProcess {
        let address = Address(
            name: "only", clientPort: try freePort(), peerPort: try freePort(), scheme: scheme, host: host)
        let process = try EtcdProcess(address, of: [address], arguments)
        try await process.start()
        return process
    }

    /// An etcd of so many members, all of which answer.
    package static func cluster(_ count: Int) async throws -> [EtcdProcess] {
        let addresses = try (0..<count).map {
            Address(name: "member\($0)", clientPort: try freePort(), peerPort: try freePort())
        }
        let token = UUID().uuidString
        let members = try addresses.map {
            try EtcdProcess($0, of: addresses, ["--initial-cluster-token", token])
        }
        for member in members { try await member.launch() }
        for member in members { try await member.isReady() }
        return members
    }

    private static func freePort() throws -> UInt16 {
        let port = PortReservation.next()
        guard let port else { throw POSIXError(.EADDRINUSE) }
        return port
    }

    /// Starts it, again or for the first time, and waits until it answers, unless that takes certificates.
    package func start() async throws {
        try await launch()
        if address.scheme == "http" { try await isReady() }
    }

    private func launch() async throws {
        guard FileManager.default.isExecutableFile(atPath: Self.binary) else {
            throw StoreError(.invalid, "\(Self.binary) isn't there: run scripts/install-dependencies --tests")
        }
        var etcd = Program(Self.binary, arguments)
        etcd.errors = nil
        let child = try await etcd.start()
        running.withLock { $0 = child }
    }

    /// Returns when it answers, be it with a refusal.
    package func isReady(_ settings: EtcdSettings? = nil) async throws {
        var settings = settings ?? EtcdSettings(endpoints: [endpoint])
        settings.timeout = .seconds(2)
        let store = try EtcdStore(settings)
        let end = ContinuousClock.now + .seconds(30)
        while true {
            do {
                _ = try await store.get("ready")
                return await store.close()
            } catch {
                if error.code == .unauthorised { return await store.close() }
                guard ContinuousClock.now < end, error.code == .unavailable else {
                    await store.close()
                    throw StoreError(.unavailable, "\(endpoint) didn't start: \(error). \(log.suffix(1_000))")
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// What it wrote since it was started.
    package var log: String { running.withLock { $0?.output } ?? "" }

    /// Ends it with SIGKILL.
    package func kill() {
        guard let running = running.withLock({ $0.take() }) else { return }
        running.kill()
        // Its ports and files are free once it is gone, whether or not somebody has asked what became of it.
        // The first of its threads may be before the others, which keep them until they are gone too.
        while Self.states(of: running.pid).contains(where: { $0 != "Z" }) { sched_yield() }
    }

    /// Stops it where it is, so that connections are taken and nothing answers.
    package func suspend() {
        signal(SIGSTOP)
        guard let pid = running.withLock({ $0?.pid }) else { return }
        // Each of its threads stops by itself.
        while Self.states(of: pid).contains(where: { $0 != "T" }) { sched_yield() }
    }

    /// What the kernel says of a process' threads; empty if there is no such process (proc(5)).
    private static func states(of pid: Int32) -> [Substring] {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
        return threads.compactMap { thread in
            let line = try? String(contentsOfFile: "/proc/\(pid)/task/\(thread)/stat", encoding: .utf8)
            return line?.split(separator: ")").last?.split(separator: " ").first
        }
    }

    /// Lets it go on.
    package func resume() { signal(SIGCONT) }

    private func signal(_ number: Int32) {
        running.withLock { $0?.signal(number) }
    }
}

/// Ports that nobody uses, none of them twice.
private enum PortReservation {
    private static let given = Mutex<Set<UInt16>>([])

    static func next() -> UInt16? {
        for _ in 0..<100 {
            if let port = unused(), given.withLock({ $0.insert(port).inserted }) { return port }
        }
        return nil
    }

    private static func unused() -> UInt16? {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard unsafe bind(socket, address, length) == 0,
                    unsafe getsockname(socket, address, &length) == 0
                else { return nil }
                return unsafe UnsafeRawPointer(address).assumingMemoryBound(to: sockaddr_in.self).pointee.sin_port
                    .bigEndian
            }
        }
    }
}
