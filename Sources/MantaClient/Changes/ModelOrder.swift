import FoundationEssentials
import MantaConfig

/// A model to deploy: its name, and the configuration as the server takes it.
package struct ModelOrder: Sendable {
    /// The deployment's name.
    package var name: String
    /// What `body` is.
    package var contentType: String
    /// The configuration.
    package var body: [UInt8]

    /// A configuration for the deployment of this name.
    init(name: String, contentType: String, body: [UInt8]) {
        (self.name, self.contentType, self.body) = (name, contentType, body)
    }

    /// The order that a file or folder makes.
    ///
    /// - Parameters:
    ///   - path: A `model.yaml` under any name, also as JSON; a folder of versions, with a `model.yaml` or without; or
    ///     a model file.
    ///   - folder: Where a relative path begins.
    /// - Throws: ``ClientError`` naming what can't be used.
    /// - Note: Reads files.
    package init(path: String, in folder: String = FileManager.default.currentDirectoryPath) throws(ClientError) {
        var isFolder = false
        guard !path.isEmpty, FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw ClientError(.data, "\(path): there is no such file, expected a model.yaml, a model or its folder")
        }
        let place = Self.absolute(path, in: folder)
        let ending = path.lastIndex(of: ".").map { path[path.index(after: $0)...].lowercased() }
        switch ending {
        case _ where isFolder:
            try self.init(modelFolder: place, shownAs: path)
        case "yaml", "yml", "json":
            let home = Self.folder(of: place)
            var text = try ModelText(Self.read(path), file: path)
            if let location = text.path { try text.setPath(Self.absolute(location, in: home)) }
            self.init(name: text.name ?? Self.lastPart(of: home), text: text, isJSON: ending == "json")
        default:
            self.init(name: ModelRepository.name(ofFile: path), modelAt: place)
        }
        guard !name.isEmpty else { throw ClientError(.data, "\(path): expected a folder that has a name") }
    }

    private init(modelFolder folder: String, shownAs path: String) throws(ClientError) {
        let file = folder + "/model.yaml"
        guard FileManager.default.fileExists(atPath: file) else {
            self.init(name: Self.lastPart(of: folder), modelAt: folder)
            return
        }
        let shown = (path.hasSuffix("/") ? path : path + "/") + "model.yaml"
        var text = try ModelText(Self.read(file, shownAs: shown), file: shown)
        try text.setPath(Self.absolute(text.path ?? folder, in: folder))
        self.init(name: text.name ?? Self.lastPart(of: folder), text: text, isJSON: false)
    }

    private init(name: String, text: ModelText, isJSON: Bool) {
        let contentType = isJSON ? "application/json" : "application/yaml"
        self.init(name: name, contentType: contentType, body: Array(text.yaml.utf8))
    }

    private init(name: String, modelAt path: String) {
        let body = Array("{\"path\": \(ModelText.quoted(path))}".utf8)
        self.init(name: name, contentType: "application/json", body: body)
    }

    private static func read(_ path: String, shownAs shown: String? = nil) throws(ClientError) -> String {
        let shown = shown ?? path
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ClientError(.data, "\(shown): can't be read")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw ClientError(.data, "\(shown): is not UTF-8")
        }
        return text
    }

    // MARK: Paths

    /// The path from the root on, without `.` and `..`. Links are left to the server.
    private static func absolute(_ path: String, in folder: String) -> String {
        var parts: [Substring] = []
        for part in (path.hasPrefix("/") ? path : folder + "/" + path).split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }

    private static func lastPart(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? ""
    }
}
