import Foundation
import MantaStoreTestKit
import MantaTestKit

/// Fronts and workers that share an etcd, all of them processes of their own, and the model "m" in the fronts'
/// repository.
final class Fleet: Sendable {
    /// What a front's fleet is asked, by a load that leaves room for half of the workers to go.
    struct Rate: CustomStringConvertible {
        /// Requests a second that the fleet can take.
        let capacity: Double
        var percent = 35.0

        var half: Rate { Rate(capacity: capacity, percent: percent / 2) }
        var perSecond: Double { capacity * percent / 100 }
        var description: String { "\(percent.formatted()) % of \(Int(capacity))/s" }
    }

    let etcd: [EtcdProcess]
    let folder: TemporaryFolder

    /// An etcd of so many members, and the model "m", with this configuration; no front and no worker yet.
    convenience init(members: Int = 1, configuration: String) async throws {
        let etcd = members == 1 ? [try await EtcdProcess.start()] : try await EtcdProcess.cluster(members)
        try self.init(etcd: etcd, configuration: configuration)
    }

    /// The same, with this etcd.
    init(etcd: [EtcdProcess], configuration: String) throws {
        self.etcd = etcd
        folder = try TemporaryFolder()
        try folder.write("http: {access_log: false}\nmodels: [models]\n", to: "manta.yaml")
        try folder.write(configuration, to: "models/m/model.yaml")
        try folder.copy(fromRepository: OperatedModel.file("echo"), to: "models/m/1/model.onnx")
    }

    /// What nodes join it with.
    var join: [String] { ["--join", etcd.map(\.endpoint).joined(separator: ",")] }

    /// Starts a front, which keeps what it must under this name, with these arguments more. Unless it `hosts`, it leaves
    /// the replicas to others.
    func front(
        _ name: String, port: Int = 0, hosts: Bool = false, _ arguments: [String] = [],
        environment: [String: String] = [:]
    ) async throws -> ServerProcess {
        try await ServerProcess.start(
            join + [
                "--config", "\(folder.path)/manta.yaml", "--state", "\(folder.path)/\(name)", "--http",
                "127.0.0.1:\(port)",
            ] + (hosts ? [] : ["--cpus", "0"]) + arguments, environment: environment)
    }

    /// Starts a worker, which has no disk in common with the fronts but for what it keeps under this name.
    func worker(_ name: String, _ arguments: [String] = []) async throws -> ServerProcess {
        try await ServerProcess.start(
            join + ["--state", "\(folder.path)/\(name)"] + arguments, subcommand: "worker")
    }

    /// Measures what the fleet of a front can take.
    static func rate(at front: ServerProcess) async throws -> Rate {
        Rate(
            capacity: try await OpenLoad.capacity(
                host: front.host, port: front.port, requests: OpenLoad.Request.echoes(of: "m"), count: 304))
    }

    /// A load on a front.
    static func load(_ rate: Rate, on front: ServerProcess) -> OpenLoad {
        OpenLoad(
            host: front.host, port: front.port, requests: OpenLoad.Request.echoes(of: "m"), perSecond: rate.perSecond)
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

    /// Waits until the model, or another one, is as wanted, as a front sees it.
    @discardableResult
    static func wait(
        _ front: ServerProcess, for what: String, model: String = "m", within limit: Duration = OperatorClient.limit,
        until isRight: @escaping @Sendable (OperatorClient.Deployment) -> Bool
    ) async throws -> OperatorClient.Deployment {
        try await onThread {
            let admin = try OperatorClient(host: front.host, port: front.adminPort)
            // The front may not know of the model yet.
            while (try? admin.status(of: model)) == nil {}
            return try admin.wait(for: model, what, within: limit, until: isRight)
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
