public import MantaCore

/// A model under one name: its configuration and its versions.
public struct Deployment: Sendable {
    /// How it is served.
    public let configuration: DeploymentConfiguration
    /// The versions served, ascending; empty if the deployment can't be served at all.
    public let versions: [ServedVersion]
    /// Why there is no version to serve, if there is none.
    public let fault: ServingError?

    /// A deployment with these versions.
    public init(configuration: DeploymentConfiguration, versions: [ServedVersion]) {
        self.configuration = configuration
        self.versions = versions.sorted { $0.id.version < $1.id.version }
        self.fault = nil
    }

    /// A deployment that can't be served, and why.
    public init(name: String, fault: ServingError) {
        self.configuration = DeploymentConfiguration(name: name)
        self.versions = []
        self.fault = fault
    }

    /// The model's name in requests.
    public var name: String { configuration.name }

    /// The version of this number, or the one that serves requests that name none: the highest that is ready, else the
    /// highest.
    ///
    /// - Throws: ``ServingError`` with code `modelNotFound` or `modelUnavailable`.
    public func version(_ number: Int?) throws(ServingError) -> ServedVersion {
        if let fault { throw ServingError(.modelUnavailable, "\(name) failed: \(fault.message)") }
        guard let number else {
            guard let version = versions.last(where: { $0.state.isReady }) ?? versions.last else {
                throw ServingError(.modelUnavailable, "\(name) has no versions")
            }
            return version
        }
        guard let version = versions.first(where: { $0.id.version == number }) else {
            let served = versions.map { String($0.id.version) }.joined(separator: ", ")
            throw ServingError(.modelNotFound, "model \"\(name)\" has no version \(number); it serves \(served)")
        }
        return version
    }
}
