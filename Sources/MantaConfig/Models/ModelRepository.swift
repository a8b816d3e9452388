import FoundationEssentials
public import MantaServing

/// Finds deployments on disk: a folder `<name>/` with `model.yaml` or Triton's `config.pbtxt`, if it has one, and
/// `<version>/model.onnx`.
public enum ModelRepository {
    /// The model file in a version's folder.
    private static let modelFileName = "model.onnx"
    /// The configuration in a model's folder that was made for Triton.
    package static let tritonFileName = "config.pbtxt"

    /// What a look at the disk found.
    public struct Findings: Sendable {
        /// The deployments whose configuration is right, ordered by name.
        public var deployments: [DeploymentSource] = []
        /// What is wrong with the configuration of others, by name.
        public var broken: [String: ConfigurationErrors] = [:]
        /// The folders of models in the repositories, also of those whose configuration is wrong, by name.
        public var folders: [String: String] = [:]
        /// What is wrong beyond one model: folders that can't be read, names that are taken.
        public var faults: [ConfigurationFault] = []
        /// The repositories that can't be read.
        public var unreadable: [String] = []

        /// Nothing was found.
        public init() {}

        /// Everything that is wrong.
        public var allFaults: [ConfigurationFault] {
            broken.sorted { $0.key < $1.key }.flatMap(\.value.faults) + faults
        }
    }

    /// Reads the configuration of every model; the models themselves are left to the engine.
    ///
    /// - Parameters:
    ///   - folders: Model repositories.
    ///   - files: Model files that are served without a repository, each as version 1 under its own name.
    /// - Returns: What is right, and what is wrong.
    /// - Note: Reads files: blocks its thread.
    public static func find(folders: [String], files: [String]) -> Findings {
        var findings = Findings()
        func add(_ name: String, _ source: () throws(ConfigurationErrors) -> DeploymentSource) {
            do throws(ConfigurationErrors) {
                findings.deployments.append(try source())
            } catch {
                findings.broken[name, default: ConfigurationErrors(faults: [])].faults += error.faults
            }
        }
        for folder in folders.map(withoutSlashes) {
            guard let entries = entries(of: folder) else {
                findings.unreadable.append(folder)
                findings.faults.append(
                    ConfigurationFault(file: folder, message: "\(obstacle(folder)), expected a folder of models"))
                continue
            }
            for name in subfolders(of: folder, entries) {
                findings.folders[name] = findings.folders[name] ?? "\(folder)/\(name)"
                add(name) { () throws(ConfigurationErrors) in try deployment(folder: "\(folder)/\(name)", name: name) }
            }
        }
        for file in files {
            add(name(ofFile: file)) { () throws(ConfigurationErrors) in try deployment(file: file) }
        }
        findings.faults += duplicates(in: findings.deployments)
        findings.deployments.sort { $0.configuration.name < $1.configuration.name }
        return findings
    }

    /// Reads the configuration of every model, all of which must be right.
    ///
    /// - Throws: ``ConfigurationErrors`` with every fault of every file.
    /// - Note: Reads files: blocks its thread.
    public static func read(folders: [String], files: [String]) throws(ConfigurationErrors) -> [DeploymentSource] {
        let findings = find(folders: folders, files: files)
        guard findings.allFaults.isEmpty else { throw ConfigurationErrors(faults: findings.allFaults) }
        return findings.deployments
    }

    /// The deployment of a configuration that was given by itself: its model is where `path` says, a model file or a
    /// folder of versions.
    ///
    /// - Parameters:
    ///   - configuration: How it is served.
    ///   - path: Where its model is.
    /// - Returns: The deployment with the versions that are there.
    /// - Throws: ``ConfigurationErrors`` if there is nothing.
    /// - Note: Reads files: blocks its thread.
    public static func deployment(
        of configuration: DeploymentConfiguration, at path: String
    ) throws(ConfigurationErrors) -> DeploymentSource {
        var isFolder = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw ConfigurationErrors(path, "there is no such model file or folder of versions")
        }
        let versions = isFolder ? versions(of: configuration, in: path, entries(of: path) ?? []) : [1: path]
        return DeploymentSource(configuration: configuration, versions: versions, origin: path)
    }

    /// Reads the folder of one model.
    ///
    /// - Throws: ``ConfigurationErrors`` with every fault of its configuration.
    /// - Note: Reads files.
    package static func deployment(folder: String, name: String) throws(ConfigurationErrors) -> DeploymentSource {
        try check(name: name, of: folder)
        guard let entries = entries(of: folder) else {
            throw ConfigurationErrors(folder, "can't be read, expected a folder of versions")
        }
        guard !entries.contains("model.yml") else {
            throw ConfigurationErrors(folder + "/model.yml", "is not read, expected the name model.yaml")
        }
        var configuration = DeploymentConfiguration(name: name)
        var file: String?
        var warnings: [String] = []
        if entries.contains("model.yaml") {
            file = folder + "/model.yaml"
            configuration = try DeploymentConfiguration(file: folder + "/model.yaml", name: name)
            // Whoever moves from Triton, or serves one folder with both, keeps the other file.
            if entries.contains(tritonFileName) {
                warnings.append("\(folder)/\(tritonFileName) isn't read, since there is a model.yaml beside it")
            }
        } else if entries.contains(tritonFileName) {
            file = folder + "/" + tritonFileName
            configuration = try DeploymentConfiguration(tritonFile: folder + "/" + tritonFileName, name: name)
        }
        var source: DeploymentSource
        if let path = configuration.path {
            source = try deployment(of: configuration, at: path)
        } else {
            source = DeploymentSource(
                configuration: configuration, versions: versions(of: configuration, in: folder, entries),
                origin: folder)
        }
        source.file = file
        source.warnings = warnings
        return source
    }

    /// As in Triton: a version is a folder whose name is a number without a leading zero; others are ignored.
    private static func versions(
        of configuration: DeploymentConfiguration, in folder: String, _ entries: [String]
    ) -> [Int: String] {
        let numbers = subfolders(of: folder, entries).compactMap { Int($0).map(String.init) == $0 ? Int($0) : nil }
        let name = configuration.fileName ?? modelFileName
        return Dictionary(
            uniqueKeysWithValues: numbers.filter { $0 > 0 }.map { ($0, modelFile("\(folder)/\($0)/\(name)")) })
    }

    /// As in Triton too: a model with files beside it may be a folder, which has the name that the file would have.
    private static func modelFile(_ path: String) -> String {
        var isFolder = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        return exists && isFolder ? "\(path)/\(modelFileName)" : path
    }

    private static func deployment(file: String) throws(ConfigurationErrors) -> DeploymentSource {
        var isFolder = false
        guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) else {
            throw ConfigurationErrors(file, "there is no such file")
        }
        guard !isFolder else {
            throw ConfigurationErrors(
                file, "is a folder, expected a model file; name a folder of models with --models, or under \"models\"")
        }
        let name = name(ofFile: file)
        try check(name: name, of: file)
        return DeploymentSource(
            configuration: DeploymentConfiguration(name: name), versions: [1: file], origin: file)
    }

    /// `resnet50` for `resnet50.onnx` and for `resnet50/1/model.onnx`.
    package static func name(ofFile path: String) -> String {
        var parts = path.split(separator: "/").map(String.init)
        let file = parts.popLast() ?? path
        let stem = file.lastIndex(of: ".").map { String(file[..<$0]) } ?? file
        guard stem == "model" || stem.isEmpty else { return stem }
        return parts.last { Int($0) == nil && $0 != "." && $0 != ".." } ?? "model"
    }

    /// A model's name is a segment of a URL's path, a label and a word in logs.
    private static func check(name: String, of origin: String) throws(ConfigurationErrors) {
        guard name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return }
        throw ConfigurationErrors(
            origin, "\(ScalarValue.quoted(name)) can't be a model's name, expected one without control characters")
    }

    private static func duplicates(in sources: [DeploymentSource]) -> [ConfigurationFault] {
        Dictionary(grouping: sources, by: \.configuration.name).sorted { $0.key < $1.key }.flatMap { name, sources in
            sources.dropFirst().map { source in
                ConfigurationFault(
                    file: source.origin,
                    message: "the name \(ScalarValue.quoted(name)) is taken by \(sources[0].origin), "
                        + "expected a name for each model")
            }
        }
    }

    /// What is in a folder, without hidden files and folders; `nil` if it can't be read.
    private static func entries(of folder: String) -> [String]? {
        (try? FileManager.default.contentsOfDirectory(atPath: folder))?.filter { !$0.hasPrefix(".") }.sorted()
    }

    private static func subfolders(of folder: String, _ entries: [String]) -> [String] {
        entries.filter { name in
            var isFolder = false
            return FileManager.default.fileExists(atPath: folder + "/" + name, isDirectory: &isFolder) && isFolder
        }
    }

    /// Why a folder can't be listed.
    private static func obstacle(_ folder: String) -> String {
        var isFolder = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else { return "there is none" }
        return isFolder ? "can't be read" : "is a file"
    }

    private static func withoutSlashes(_ path: String) -> String {
        path.allSatisfy { $0 == "/" } ? path : String(path.reversed().drop { $0 == "/" }.reversed())
    }
}
