import Foundation
import MantaStoreTestKit
import MantaTestKit

/// Fronts and workers that share an etcd, all of them processes of their own, and the model "m" in the fronts'
/// repository.
final class Fleet: Sendable {
    let etcd: [EtcdProcess]
    let folder: TemporaryFolder

    /// An etcd of so many members, and the model "m", with this configuration; no front and no worker yet.
    init(members: Int = 1, configuration: String) async throws {
        etcd = members == 1 ? [try await EtcdProcess.start()] : try await EtcdProcess.cluster(members)
        folder = try TemporaryFolder()
        try folder.write("http: {access_log: false}\nmodels: [models]\n", to: "manta.yaml")
        try folder.write(configuration, to: "models/m/model.yaml")
        try folder.copy(fromRepository: OperatedModel.file("echo"), to: "models/m/1/model.onnx")
    }

    private var join: [String] { ["--join", etcd.map(\.endpoint).joined(separator: ",")] }

    /// Starts a front, which keeps what it must under this name, with these arguments more.
    func front(_ name: String, port: Int = 0, _ arguments: [String] = []) async throws -> ServerProcess {
        try await ServerProcess.start(
            join + [
                "--config", "\(folder.path)/manta.yaml", "--state", "\(folder.path)/\(name)", "--http",
                "127.0.0.1:\(port)",
            ] + arguments)
    }

    /// Starts a worker, which has no disk in common with the fronts but for what it keeps under this name.
    func worker(_ name: String, _ arguments: [String] = []) async throws -> ServerProcess {
        try await ServerProcess.start(
            join + ["--state", "\(folder.path)/\(name)"] + arguments, subcommand: "worker")
    }

    /// Waits until the snapshot that a front keeps, at most once a second, has so many replicas that are ready.
    func wait(untilSnapshotOf name: String, hasReady count: Int) async throws {
        struct Snapshot: Decodable {
            struct Entry: Decodable {
                var value: Data
            }

            var entries: [Entry]
        }
        let file = URL(filePath: "\(folder.path)/\(name)/fleet.snapshot")
        try await onThread {
            let deadline = ContinuousClock.now + .seconds(10)
            while true {
                // The checksum is in the first line.
                let lines = (try? Data(contentsOf: file))?.split(separator: UInt8(ascii: "\n"), maxSplits: 1) ?? []
                let snapshot = lines.last.flatMap { try? JSONDecoder().decode(Snapshot.self, from: $0) }
                let text = (snapshot?.entries ?? []).map { String(decoding: $0.value, as: UTF8.self) }.joined()
                if text.ranges(of: "\"isReady\":true").count >= count { return }
                guard .now < deadline else { throw SocketClient.Failure("the snapshot has no \(count) replicas") }
                Thread.sleep(forTimeInterval: 0.02)
            }
        }
    }

    /// Waits until the model is as wanted, as a front sees it.
    @discardableResult
    static func wait(
        _ front: ServerProcess, for what: String, until isRight: @escaping @Sendable (OperatorClient.Deployment) -> Bool
    ) async throws -> OperatorClient.Deployment {
        try await onThread {
            let admin = try OperatorClient(port: front.adminPort)
            // The front may not know of the model yet.
            while (try? admin.status(of: "m")) == nil {}
            return try admin.wait(for: "m", what, until: isRight)
        }
    }

    /// Waits until so many workers have replicas that are ready.
    static func wait(_ front: ServerProcess, forHosts count: Int) async throws {
        try await wait(front, for: "on \(count) workers") { deployment in
            deployment.state == "ready" && deployment.readyReplicas == count
                && deployment.serving?.replicas.count == count
        }
    }
}
