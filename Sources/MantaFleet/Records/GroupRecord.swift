import Crypto
import FoundationEssentials
import MantaRuntime

/// One version of a deployment with one configuration, as workers load it: replicas of it are all alike.
package struct GroupRecord: Codable, Sendable, Equatable {
    /// A file of the model.
    package struct File: Codable, Sendable, Equatable {
        /// Its path within the version's folder.
        package var path: String
        /// The SHA-256 of its bytes.
        package var object: String
        package var byteCount: Int

        /// A file of these bytes.
        package init(path: String, object: String, byteCount: Int) {
            (self.path, self.object, self.byteCount) = (path, object, byteCount)
        }
    }

    /// Its name in the fleet, and the name of the model on workers: `digits@3-5f1c08a2b4d6`.
    package var name: String
    /// The version's number.
    package var version: Int
    /// The file to load.
    package var model: String
    /// All files.
    package var files: [File]
    /// How workers run it, as a `model.yaml`.
    var yaml: String

    /// A group of what these say, whose name tells it from every other.
    package init(deployment: String, version: Int, model: String, files: [File], yaml: String) {
        var hash = SHA256()
        for text in [model, yaml] + files.flatMap({ [$0.path, $0.object] }) {
            hash.update(data: Data("\(text.utf8.count) \(text)".utf8))
        }
        let digits = hash.finalize().prefix(6).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        name = "\(deployment)@\(version)-\(digits)"
        (self.version, self.model, self.files, self.yaml) = (version, model, files, yaml)
    }
}
