import AsyncHTTPClient
import FoundationEssentials
import MantaConfig
package import MantaRuntime
package import MantaServing
import MantaThreads
import NIOCore
import NIOPosix
import Synchronization

/// Hosts replicas in this process: fetches the files of groups from other nodes and has a catalog serve them.
package final class CatalogHost: ReplicaHost {
    /// A group whose files are here.
    private struct Prepared {
        let deployment: WantedDeployment
        /// Keep its files.
        let pins: [ObjectPin]
    }

    private let catalog: ModelCatalog
    private let client: HTTPClient
    private let fetcher: ObjectFetcher<SystemRandomNumberGenerator>
    /// Where the files of groups are put together.
    private let folder: String
    private let prepared = Mutex<[String: Prepared]>([:])

    /// A host without groups.
    ///
    /// - Parameters:
    ///   - catalog: Serves them.
    ///   - objects: Keeps their files.
    ///   - folder: Where the files of a group are put together.
    ///   - token: What other nodes are shown.
    package init(catalog: ModelCatalog, objects: ObjectStore, folder: String, token: String?) {
        (self.catalog, self.folder) = (catalog, folder)
        // Another node may have what one that is gone had.
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(1)
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
        fetcher = ObjectFetcher(into: objects, random: SystemRandomNumberGenerator()) { [client] address in
            HTTPObjectSource(client: client, address: address, token: token)
        }
    }

    /// Fetches nothing more.
    package func shutdown() async {
        try? await client.shutdown()
    }

    package func prepare(_ group: GroupRecord, from holders: [String: [String]]) async throws {
        guard group.name.wholeMatch(of: /[^\/]+@[0-9]+-[0-9a-f]{12}/) != nil else {
            throw ObjectError(.invalid, "\"\(group.name)\" isn't the name of a group")
        }
        await fetcher.update { directory in
            directory.set(holders)
        }
        var pins: [ObjectPin] = []
        for file in group.files {
            guard let id = ObjectID(file.object) else {
                throw ObjectError(.invalid, "\(file.path): \"\(file.object)\" isn't the name of an object")
            }
            pins.append(try await fetcher.fetch(id, byteCount: file.byteCount).pin)
        }
        let folder = "\(folder)/\(group.name.pathSegment)"
        try await Thread.run(name: "groups") { [pins] in try Self.link(group.files, pins, in: folder) }
        // Files that it names lie beside the model's.
        let configuration = try DeploymentConfiguration(
            yaml: group.yaml, file: "\(folder)/configuration", name: group.name)
        let model = group.model.split(separator: "/").last.map(String.init) ?? ""
        let deployment = WantedDeployment(
            configuration: configuration, source: .init(.admin),
            versions: [VersionSpec(number: 1, path: "\(folder)/\(model)", hash: group.name)], scale: .pinned(0))
        prepared.withLock { $0[group.name] = Prepared(deployment: deployment, pins: pins) }
    }

    /// Puts the files of a group together.
    ///
    /// - Note: Blocks its thread.
    private static func link(_ files: [GroupRecord.File], _ pins: [ObjectPin], in folder: String) throws {
        let manager = FileManager.default
        try? manager.removeItem(atPath: folder)
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (file, pin) in zip(files, pins) {
            let name = file.path.split(separator: "/").last.map(String.init) ?? "model"
            try manager.createSymbolicLink(atPath: "\(folder)/\(name)", withDestinationPath: pin.path)
        }
    }

    package func host(_ replicas: [String: Int]) {
        let groups = prepared.withLock { prepared in
            prepared = prepared.filter { replicas[$0.key] != nil }
            return prepared
        }
        catalog.apply(
            groups.sorted { $0.key < $1.key }.map { name, group in
                var deployment = group.deployment
                deployment.scale = .pinned(replicas[name] ?? 0)
                return deployment
            })
    }

    package func readiness(of group: String) -> (count: Int, reason: String?) {
        let snapshot = try? catalog.deployment(group).snapshot
        let serving = snapshot?.controller.instances.values.filter { $0.phase == .serving }
        return (serving?.map(\.readyCount).max() ?? 0, snapshot?.reason)
    }

    package var objects: [String] {
        Set(prepared.withLock { $0.values.flatMap(\.pins) }.map(\.id.description)).sorted()
    }
}
