import FoundationEssentials
import MantaClient
import MantaConfig
import MantaCore
import MantaGRPC
import MantaHTTP
import MantaServing

/// A look at configuration, without starting anything.
struct Checkup {
    /// What a path is, if it isn't a model file.
    enum Kind {
        case file, folder
    }

    /// The faults as a document.
    struct Report: Encodable {
        struct Fault: Encodable {
            let file: String
            let line: Int?
            let column: Int?
            let message: String
        }

        let faults: [Fault]
    }

    /// A line for each model that is fine.
    private(set) var served: [String] = []
    /// Everything that is wrong.
    var faults: [ConfigurationFault] = []

    /// The faults as a document.
    var report: Report {
        Report(faults: faults.map { .init(file: $0.file, line: $0.line, column: $0.column, message: $0.message) })
    }

    /// What a path is; `nil` for a model file.
    static func kind(of path: String) -> Kind? {
        var isFolder = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder { return .folder }
        return [".yaml", ".yml", ".pbtxt"].contains(where: path.hasSuffix) ? .file : nil
    }

    /// Looks at a YAML file or a folder.
    mutating func look(at path: String) {
        switch (Self.kind(of: path), Self.lastPart(of: path)) {
        case (.folder, _): lookAtFolder(path)
        case (_, "manta.yaml"): lookAtServer(path)
        case (_, let name) where name.hasSuffix(".pbtxt"): faults += Self.tritonFaults(path)
        case (_, "model.yaml"): faults += Self.modelFaults(path, name: Self.folderName(of: path))
        default:
            // As deploying it would call it.
            let name = (try? ModelOrder(path: path))?.name ?? Self.folderName(of: path)
            let asModel = Self.modelFaults(path, name: name)
            if ServerConfiguration.read(file: path).faults.count <= asModel.count {
                lookAtServer(path)
            } else {
                faults += asModel
            }
        }
    }

    /// Takes what was read of a server's configuration, and of its file, if it has one.
    mutating func add(_ configuration: ServerConfiguration, _ deployments: [DeploymentSource], from file: String?) {
        for deployment in deployments where deployment.faults.isEmpty {
            let configuration = deployment.configuration
            guard configuration.remote.isEmpty else {
                let addresses = configuration.remote.map(\.description).joined(separator: ", ")
                served.append("\(configuration.name): served by \(addresses)")
                continue
            }
            let versions = deployment.selected.map(String.init).joined(separator: ", ")
            let word = deployment.selected.count == 1 ? "version" : "versions"
            served.append("\(deployment.configuration.name): serves \(word) \(versions) of \(deployment.origin)")
        }
        faults += deployments.flatMap(\.faults)
        faults += (configuration.http.faults + configuration.grpc.faults + configuration.admin.faults).map { fault in
            // What has no file of its own, such as an address, is the configuration's, or an option's.
            ConfigurationFault(file: fault.file ?? file ?? "options", line: fault.line, message: fault.reason)
        }
    }

    private mutating func lookAtServer(_ file: String) {
        let (configuration, found) = ServerConfiguration.read(file: file)
        faults += found
        collect(configuration, from: file) { () throws(ConfigurationErrors) in
            try ModelRepository.read(folders: configuration.repositories, files: configuration.modelFiles)
        }
    }

    private mutating func lookAtFolder(_ path: String) {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        let isModel = entries.contains { ["model.yaml", "model.yml", "config.pbtxt"].contains($0) || Int($0) != nil }
        collect(ServerConfiguration(), from: nil) { () throws(ConfigurationErrors) in
            guard isModel else { return try ModelRepository.read(folders: [path], files: []) }
            let folder = String(path.reversed().drop { $0 == "/" }.reversed())
            return [try ModelRepository.deployment(folder: folder, name: Self.lastPart(of: Self.absolute(path)))]
        }
    }

    private mutating func collect(
        _ configuration: ServerConfiguration, from file: String?,
        _ read: () throws(ConfigurationErrors) -> [DeploymentSource]
    ) {
        do throws(ConfigurationErrors) {
            add(configuration, try read(), from: file)
        } catch {
            add(configuration, [], from: file)
            faults += error.faults
        }
    }

    private static func modelFaults(_ file: String, name: String) -> [ConfigurationFault] {
        do throws(ConfigurationErrors) {
            _ = try DeploymentConfiguration(file: file, name: name)
            return []
        } catch {
            return error.faults
        }
    }

    private static func tritonFaults(_ file: String) -> [ConfigurationFault] {
        do throws(ConfigurationErrors) {
            _ = try DeploymentConfiguration(tritonFile: file, name: folderName(of: file))
            return []
        } catch {
            return error.faults
        }
    }

    private static func absolute(_ path: String) -> String {
        URL(filePath: path).standardizedFileURL.path
    }

    private static func lastPart(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "" }

    /// The name of the folder that a file is in.
    private static func folderName(of file: String) -> String {
        absolute(file).split(separator: "/").dropLast().last.map(String.init) ?? ""
    }
}
