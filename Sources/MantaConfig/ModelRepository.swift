import FoundationEssentials
import MantaServing

/// Finds deployments on disk: a folder `<name>/` with `model.yaml`, if it has one, and `<version>/model.onnx`.
public enum ModelRepository {
    /// The model file in a version's folder.
    private static let modelFileName = "model.onnx"

    /// Reads the configuration of every model; the models themselves are left to the engine.
    ///
    /// - Parameters:
    ///   - folders: Model repositories.
    ///   - files: Model files that are served without a repository, each as version 1 under its own name.
    /// - Returns: The deployments, ordered by name.
    /// - Throws: ``ConfigurationErrors`` with every fault of every file.
    /// - Note: Reads files; call it at start.
    public static func read(folders: [String], files: [String]) throws(ConfigurationErrors) -> [DeploymentSource] {
        var faults: [ConfigurationFault] = []
        var sources: [DeploymentSource] = []
        for folder in folders {
            guard let names = subfolders(of: folder) else {
                faults.append(ConfigurationFault(file: folder, message: "there is no such folder, or it can't be read"))
                continue
            }
            for name in names {
                do throws(ConfigurationErrors) {
                    sources.append(try deployment(folder: folder + "/" + name, name: name))
                } catch {
                    faults += error.faults
                }
            }
        }
        for file in files {
            guard FileManager.default.fileExists(atPath: file) else {
                faults.append(ConfigurationFault(file: file, message: "there is no such file"))
                continue
            }
            let configuration = DeploymentConfiguration(name: name(ofFile: file))
            sources.append(DeploymentSource(configuration: configuration, versions: [1: file], origin: file))
        }
        faults += duplicates(in: sources)
        guard faults.isEmpty else { throw ConfigurationErrors(faults: faults) }
        return sources.sorted { $0.configuration.name < $1.configuration.name }
    }

    private static func deployment(folder: String, name: String) throws(ConfigurationErrors) -> DeploymentSource {
        let file = folder + "/model.yaml"
        var configuration = DeploymentConfiguration(name: name)
        if FileManager.default.fileExists(atPath: file) {
            configuration = try DeploymentConfiguration(file: file, name: name)
        }
        // As in Triton: a version is a folder whose name is a number without a leading zero; others are ignored.
        let versions = (subfolders(of: folder) ?? []).compactMap { Int($0).map(String.init) == $0 ? Int($0) : nil }
        return DeploymentSource(
            configuration: configuration,
            versions: Dictionary(
                uniqueKeysWithValues: versions.filter { $0 > 0 }.map { ($0, "\(folder)/\($0)/\(modelFileName)") }),
            origin: folder)
    }

    /// `resnet50` for `resnet50.onnx` and for `resnet50/1/model.onnx`.
    private static func name(ofFile path: String) -> String {
        var parts = path.split(separator: "/").map(String.init)
        let file = parts.popLast() ?? path
        let stem = file.split(separator: ".").dropLast().joined(separator: ".")
        guard stem == "model" || stem.isEmpty else { return stem }
        return parts.last { Int($0) == nil && $0 != "." && $0 != ".." } ?? "model"
    }

    private static func duplicates(in sources: [DeploymentSource]) -> [ConfigurationFault] {
        Dictionary(grouping: sources, by: \.configuration.name).filter { $1.count > 1 }.map { name, sources in
            let others = sources.dropFirst().map(\.origin).joined(separator: ", ")
            return ConfigurationFault(
                file: sources[0].origin, message: "the name \"\(name)\" is also that of \(others)")
        }
    }

    /// The folders in a folder, by name, without hidden ones; `nil` if it can't be read.
    private static func subfolders(of folder: String) -> [String]? {
        guard let entries = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return nil }
        return entries.filter { name in
            var isFolder = false
            return !name.hasPrefix(".")
                && FileManager.default.fileExists(atPath: folder + "/" + name, isDirectory: &isFolder) && isFolder
        }.sorted()
    }
}
