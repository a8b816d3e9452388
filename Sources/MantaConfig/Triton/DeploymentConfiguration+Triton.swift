public import MantaServing
import MantaWire
import SwiftProtobuf

extension DeploymentConfiguration {
    /// The most that a `config.pbtxt` may have: models with a thousand inputs take some.
    private static let maxTritonBytes = 1 << 20

    /// Reads Triton's `config.pbtxt`. What it leaves out has its default; what Manta doesn't have is refused.
    ///
    /// - Parameters:
    ///   - tritonFile: Its path. Files that it names are in its folder.
    ///   - name: The model's name, that of the folder; the file may repeat it, but not change it.
    /// - Throws: ``ConfigurationErrors`` with every fault of the file.
    public init(tritonFile: String, name: String) throws(ConfigurationErrors) {
        let text = try SourceText.read(tritonFile, maxBytes: Self.maxTritonBytes)
        let folder = tritonFile.lastIndex(of: "/").map { String(tritonFile[..<$0]) } ?? "."
        try self.init(tritonText: text, file: tritonFile, name: name, folder: folder)
    }

    /// Reads the text of a `config.pbtxt`.
    ///
    /// - Parameters:
    ///   - tritonText: The text.
    ///   - file: What messages call it.
    ///   - name: The model's name; the text may repeat it, but not change it.
    ///   - folder: The model's folder, for files that the text names; `nil` if there is none.
    /// - Throws: ``ConfigurationErrors`` with every fault of the text.
    public init(tritonText: String, file: String, name: String, folder: String?) throws(ConfigurationErrors) {
        let tree = try TextFormat(tritonText, file: file)
        try self.init(triton: try tree.message(file: file), file: file, name: name, folder: folder) {
            tree.place(of: $0)
        }
    }

    /// Reads a configuration as Triton's clients send it when they have a model loaded, and as its servers answer it.
    ///
    /// - Parameters:
    ///   - tritonJSON: The message `inference.ModelConfig` as JSON.
    ///   - name: The model's name; the text may repeat it, but not change it.
    ///   - folder: The model's folder, for files that the text names; `nil` if there is none.
    /// - Throws: ``ConfigurationErrors`` with every fault of the text.
    public init(tritonJSON: String, name: String, folder: String? = nil) throws(ConfigurationErrors) {
        let message: Inference_ModelConfig
        do {
            message = try Inference_ModelConfig(jsonString: tritonJSON)
        } catch JSONDecodingError.unknownField(let field) {
            throw ConfigurationErrors("config", "there is no field \(ScalarValue.quoted(field))")
        } catch {
            throw ConfigurationErrors("config", "is not a model's configuration as JSON (\(error))")
        }
        try self.init(triton: message, file: "config", name: name, folder: folder)
    }

    /// What a message means for Manta.
    init(
        triton message: Inference_ModelConfig, file: String, name: String, folder: String?,
        place: (String) -> Place? = { _ in nil }
    ) throws(ConfigurationErrors) {
        var reader = TritonReader(message, name: name, folder: folder)
        reader.read()
        guard reader.faults.isEmpty else {
            let faults = reader.faults.map { path, message in
                let place = place(path)
                return ConfigurationFault(
                    file: file, line: place?.line, column: place?.column, message: "\(path): \(message)")
            }
            throw ConfigurationErrors(
                faults: faults.sorted { ($0.line ?? 0, $0.column ?? 0) < ($1.line ?? 0, $1.column ?? 0) })
        }
        self = reader.configuration
    }
}
