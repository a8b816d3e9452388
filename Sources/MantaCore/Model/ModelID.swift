/// One version of one model.
public struct ModelID: Sendable, Hashable, CustomStringConvertible {
    /// The deployment's name.
    public let name: String
    /// The version, at least 1.
    public let version: Int

    /// The version of the model of this name.
    public init(name: String, version: Int) {
        self.name = name
        self.version = version
    }

    /// As in messages: `digits-svm version 1`.
    public var description: String { "\(name) version \(version)" }
}
