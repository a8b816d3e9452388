import ArgumentParser
import FoundationEssentials
import Logging
import MantaConfig
import MantaHTTP

/// What arguments about a fleet mean.
enum FleetArguments {
    /// The members of etcd that an argument names, separated by commas.
    static func endpoints(_ text: String) -> [String] {
        text.split(separator: ",").map(String.init)
    }

    /// `name=value`.
    @Sendable static func pair(_ text: String) throws -> (name: String, value: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty else { throw ValidationError("expected name=value") }
        return (parts[0], parts[1])
    }

    /// `2`, or `1..4`.
    @Sendable static func count(_ text: String) throws -> ClosedRange<Int> {
        let parts = text.split(separator: "..", omittingEmptySubsequences: false).compactMap { Int($0) }
        guard let fewest = parts.first, let most = parts.last, parts.count == text.split(separator: "..").count,
            parts.count <= 2, 0 <= fewest, max(fewest, 1) <= most, most <= NodesConfiguration.mostWorkers
        else {
            throw ValidationError(
                "expected a number from 1 to \(NodesConfiguration.mostWorkers), or the fewest and the most, such as 1..4"
            )
        }
        return fewest...most
    }

    /// Adds what a front has to know of its workers and no file says: the arguments of those on this machine, which join
    /// what it joins, and where a pod's API server is.
    static func completeNodes(of configuration: inout ServerConfiguration, file: String?) {
        guard let fleet = configuration.fleet, let nodes = fleet.nodes else { return }
        switch nodes.provider {
        case .local(var local):
            local.program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "manta"
            local.arguments = ["worker", "--http", NodeAddress.anyPort(of: configuration.http.host)]
            // Whatever ports the file names are the front's.
            local.arguments += ["--admin", "127.0.0.1:0", "--log-level", configuration.logLevel.rawValue]
            local.arguments += ["--join", fleet.endpoints.joined(separator: ",")]
            if let file { local.arguments += ["--config", file] }
            if let token = fleet.tokenFile { local.arguments += ["--fleet-token-file", token] }
            if let host = fleet.advertised.map(NodeAddress.host) {
                local.arguments += ["--advertise", NodeAddress.anyPort(of: host)]
            }
            configuration.fleet?.nodes?.provider = .local(local)
        case .kubernetes(var kubernetes):
            let environment = ProcessInfo.processInfo.environment
            if let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty {
                let name = host.contains(":") ? "[\(host)]" : host
                kubernetes.server = "https://\(name):\(environment["KUBERNETES_SERVICE_PORT"] ?? "443")"
            }
            configuration.fleet?.nodes?.provider = .kubernetes(kubernetes)
        }
    }

    /// Refuses a node that others reach without a token, or don't reach, and workers that can't be started.
    ///
    /// - Parameters:
    ///   - configuration: How the node is set up.
    ///   - option: An option that was given and says something only of a node of a fleet.
    /// - Throws: `ConfigurationErrors` with every fault.
    static func check(_ configuration: ServerConfiguration, needing option: String? = nil) throws {
        guard let fleet = configuration.fleet else {
            guard let option else { return }
            let why =
                option == "--local-workers"
                ? "since a front and its workers meet in an etcd: manta serve --join http://127.0.0.1:2379 "
                    + "--local-workers 2"
                : "since it is about a node of a fleet"
            throw ConfigurationErrors(faults: [.init(file: option, message: "needs --join, \(why)")])
        }
        let host = configuration.http.host
        var faults: [ConfigurationFault] = []
        if case .kubernetes(let kubernetes) = fleet.nodes?.provider, kubernetes.server == nil {
            faults.append(
                .init(
                    file: "fleet.nodes.kubernetes",
                    message:
                        "works in a pod only: KUBERNETES_SERVICE_HOST, which says where the API server is, isn't set"))
        }
        if fleet.tokenFile == nil, !configuration.http.listensOnThisMachineOnly {
            faults.append(
                .init(
                    file: "--fleet-token-file",
                    message:
                        "is needed where nodes of a fleet listen for other machines (\(host)): a file with a token, "
                        + "the same on all nodes; openssl rand -hex 16 makes one"))
        }
        if fleet.advertised == nil, ["0.0.0.0", "::"].contains(host) {
            faults.append(
                .init(
                    file: "--advertise",
                    message:
                        "is needed where a node of a fleet listens at every address (\(host)): the host and port at "
                        + "which the others reach it"))
        }
        guard faults.isEmpty else { throw ConfigurationErrors(faults: faults) }
    }
}

/// Addresses of nodes as arguments have them.
private enum NodeAddress {
    /// The host of `host:port`, without the brackets of an IPv6 address.
    static func host(_ address: String) -> String {
        let host = address.lastIndex(of: ":").map { String(address[..<$0]) } ?? address
        return host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }

    /// Any free port of a host.
    static func anyPort(of host: String) -> String { host.contains(":") ? "[\(host)]:0" : "\(host):0" }
}
