import Foundation
import MantaStoreTestKit
import MantaTestKit

/// A fleet whose nodes are on two hosts.
extension Fleet {
    /// An etcd that answers two hosts, and the model "m", with this configuration; no front and no worker yet.
    convenience init(of hosts: HostPair, configuration: String) async throws {
        let etcd = try await EtcdProcess.start(host: hosts.outside)
        try self.init(etcd: [etcd], configuration: configuration)
        try folder.write(UUID().uuidString, to: "token")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(folder.path)/token")
    }

    /// Starts a front on a host of its own.
    func front(_ name: String, on host: HostPair.Host) async throws -> ServerProcess {
        // All of a host's ports are free.
        try await ServerProcess.start(
            join + [
                "--config", "\(folder.path)/manta.yaml", "--state", "\(folder.path)/\(name)",
                "--http", "0.0.0.0:8000", "--advertise", "\(host.address):8000",
                "--admin", "\(host.outerAddress):8002", "--admin-insecure", "--fleet-token-file",
                "\(folder.path)/token", "--cpus", "0",
            ], launcher: host.launcher)
    }

    /// Starts a worker on a host of its own.
    func worker(_ name: String, on host: HostPair.Host) async throws -> ServerProcess {
        try await ServerProcess.start(
            join + [
                "--state", "\(folder.path)/\(name)", "--http", "\(host.address):8010",
                "--fleet-token-file", "\(folder.path)/token",
            ], subcommand: "worker", launcher: host.launcher)
    }
}
