import ArgumentParser
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

    /// Refuses a node that others reach without a token, or don't reach.
    static func check(_ configuration: ServerConfiguration) throws {
        guard let fleet = configuration.fleet else { return }
        let host = configuration.http.host
        var faults: [ConfigurationFault] = []
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
