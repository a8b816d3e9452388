import Foundation
import MantaProcesses
import MantaTestKit
import Synchronization

/// Two hosts on this machine, network namespaces of their own, with a cable between them that can be cut. Another cable
/// joins each of them to this process' host.
///
/// A namespace is there for as long as the process that holds it, and a cable for as long as its ends are: all is gone
/// when the test lets go of it, and also when the tests' process is killed.
///
/// ```swift
/// let hosts = try await HostPair()
/// let server = try await ServerProcess.start(["--http", "\(hosts.near.address):8000"], launcher: hosts.near.launcher)
/// try await hosts.cut()
/// ```
final class HostPair: Sendable {
    /// One of the two.
    struct Host: Sendable {
        /// Where the other one reaches it.
        let address: String
        /// Where this process' host reaches it.
        let outerAddress: String
        private let holder: ChildProcess

        /// What runs a program there.
        var launcher: [String] { ["/usr/bin/nsenter", "--net=/proc/\(holder.pid)/ns/net"] }

        fileprivate var pid: Int32 { holder.pid }

        fileprivate init(address: String, outerAddress: String) async throws {
            (self.address, self.outerAddress) = (address, outerAddress)
            holder = try await Program("/usr/bin/unshare", ["--net", "/bin/sh", "-c", "echo made && exec sleep inf"])
                .start()
            guard await holder.wrote("made") else { throw Failure(description: holder.errors) }
        }

        /// Runs commands there.
        fileprivate func run(_ script: String) async throws {
            try await HostPair.run(launcher + ["/bin/sh", "-ec", script])
        }
    }

    /// Why there can be no such hosts here.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private static let count = Atomic(0)

    /// The address of this process' host at which both reach it.
    let outside: String
    let near: Host
    let far: Host

    /// Whether this machine lets this process make them: it tries.
    static var canBeMade: Bool {
        get async { (try? await HostPair()) != nil }
    }

    init() async throws {
        // Other tests' processes may have hosts at the same time.
        let number = Int(getpid()) << 3 | Self.count.add(1, ordering: .relaxed).oldValue & 7
        // Addresses for tests of networks, which are nobody's (RFC 2544): four of them for this pair.
        let block = number << 2 & 0xffff
        func outer(_ offset: Int) -> String { "198.19.\(block >> 8).\(block & 0xff | offset)" }
        outside = outer(0)
        near = try await Host(address: "198.18.0.1", outerAddress: outer(1))
        far = try await Host(address: "198.18.0.2", outerAddress: outer(2))
        try await Self.run(
            ["/bin/sh", "-ec", "ip link add cable netns \(near.pid) type veth peer name cable netns \(far.pid)"])
        for host in [near, far] { try await join(host, as: "m\(number)\(host.pid == near.pid ? "n" : "f")") }
    }

    /// Cuts the cable between the two: what is under way is lost, and nobody is told.
    func cut() async throws { try await far.run("ip link set cable down") }

    /// Mends it.
    func mend() async throws { try await far.run("ip link set cable up") }

    /// Joins a host to this one, through a device of this name, and gives it its addresses.
    private func join(_ host: Host, as device: String) async throws {
        try await Self.run(
            [
                "/bin/sh", "-ec",
                """
                ip link add \(device) type veth peer name outside netns \(host.pid)
                ip address add \(outside) peer \(host.outerAddress) dev \(device)
                ip link set \(device) up
                """,
            ])
        try await host.run(
            """
            ip address add \(host.outerAddress) peer \(outside) dev outside
            ip address add \(host.address)/24 dev cable
            for device in lo outside cable; do ip link set $device up; done
            """)
    }

    private static func run(_ command: [String]) async throws {
        let result = try await Program(command[0], Array(command.dropFirst())).run()
        guard result.status == 0 else { throw Failure(description: result.errors) }
    }
}
