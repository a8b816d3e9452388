import FoundationEssentials
public import MantaServing

/// A deployment as found on disk: how to serve it, and the files of its versions.
public struct DeploymentSource: Sendable {
    /// How to serve it.
    public var configuration: DeploymentConfiguration
    /// The model file of each version.
    public var versions: [Int: String]
    /// The folder or file it came from, for messages.
    public var origin: String
    /// Its `model.yaml` or `config.pbtxt`, if it has one.
    public var file: String?
    /// What isn't as it should be but keeps nothing from working.
    public var warnings: [String] = []

    /// A deployment with these versions.
    public init(
        configuration: DeploymentConfiguration, versions: [Int: String], origin: String, file: String? = nil
    ) {
        self.configuration = configuration
        self.versions = versions
        self.origin = origin
        self.file = file
    }

    /// The versions to serve of those that are there, ascending.
    public var selected: [Int] { configuration.versions.select(from: Array(versions.keys)) }

    /// Why no version can be served, for when none was selected.
    public var vacancy: String { "\(origin) \(lack)" }

    private var lack: String {
        if versions.isEmpty { return "has no version: expected a folder such as 1/ with the model file in it" }
        let found = versions.keys.sorted().map(String.init).joined(separator: ", ")
        return "has the versions \(found), of which versions.serve selects none"
    }

    /// What would keep the deployment, or one of its versions, from being served, as far as a look at the disk tells.
    ///
    /// A server doesn't stop for these: the model is marked as failed and the others are served.
    public var faults: [ConfigurationFault] {
        guard configuration.remote.isEmpty else { return [] }
        guard !selected.isEmpty else { return [ConfigurationFault(file: origin, message: lack)] }
        var missing: [ConfigurationFault] = []
        if case .only(let wanted) = configuration.versions {
            missing = Set(wanted).subtracting(selected).sorted().map {
                ConfigurationFault(file: origin, message: "versions.serve names version \($0), which isn't there")
            }
        }
        return missing
            + selected.compactMap { versions[$0] }.filter { !FileManager.default.isReadableFile(atPath: $0) }.map {
                ConfigurationFault(file: $0, message: "there is no model file, or it can't be read")
            }
    }
}
