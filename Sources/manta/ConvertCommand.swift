import ArgumentParser
import FoundationEssentials
import MantaClient
import MantaConfig
import MantaServing

/// `manta convert`.
struct ConvertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Write the model.yaml that says what a model's config.pbtxt says.",
        discussion: """
            Manta serves a repository that was made for Triton as it is. A model.yaml says the same in fewer words, \
            and what only Manta has can be added to it. What Manta doesn't have is told by name and place, and \
            nothing is written then.

              manta convert models/densenet_onnx
              manta convert models/densenet_onnx/config.pbtxt --output models/densenet_onnx/model.yaml

            The result belongs into the model's folder: paths in it begin there.

            Exit codes: 0 it is written, 64 wrong arguments, 73 it can't be written, 78 wrong configuration.
            """)

    @Argument(help: ArgumentHelp("A config.pbtxt, or the folder of a model.", valueName: "path"), completion: .file())
    var path: String
    @Option(help: ArgumentHelp("Where to write. Default: standard output.", valueName: "file"), completion: .file())
    var output: String?

    func run() async throws {
        try await Failure.exiting {
            let (file, folder) = try place()
            let name = URL(filePath: folder).standardizedFileURL.lastPathComponent
            let configuration = try DeploymentConfiguration(tritonFile: file, name: name)
            let yaml = configuration.yaml(relativeTo: folder)
            // A file that says nothing is a model.yaml too.
            let text = yaml.isEmpty ? "# Everything is as by default.\n" : yaml
            guard let output else { return try Screen.standardOutput.write(text) }
            do {
                try Data(text.utf8).write(to: URL(filePath: output))
            } catch {
                StandardError.write("manta: \(output) can't be written\n")
                throw ExitCode(73)
            }
        }
    }

    /// The file, and the folder that it is in.
    private func place() throws -> (file: String, folder: String) {
        var isFolder = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw ValidationError("\(path): there is no such file or folder")
        }
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        if isFolder { return ("\(trimmed)/config.pbtxt", trimmed) }
        return (path, path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ".")
    }
}
