public import MantaServing

/// A deployment as found on disk: how to serve it, and the files of its versions.
public struct DeploymentSource: Sendable {
    /// How to serve it.
    public var configuration: DeploymentConfiguration
    /// The model file of each version.
    public var versions: [Int: String]
    /// The folder or file it came from, for messages.
    public var origin: String

    /// A deployment with these versions.
    public init(configuration: DeploymentConfiguration, versions: [Int: String], origin: String) {
        self.configuration = configuration
        self.versions = versions
        self.origin = origin
    }

    /// Why no version can be served, for when none was selected.
    public var vacancy: String {
        if versions.isEmpty { return "\(origin) has no version: expected a folder such as 1/ with the model file in it" }
        let found = versions.keys.sorted().map(String.init).joined(separator: ", ")
        return "versions.serve of \(origin) selects none of the versions there: \(found)"
    }
}
