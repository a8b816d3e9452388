import Crypto
import Foundation
import MantaTestKit

/// The model "m", in a repository that a test changes, served by a process of its own.
final class OperatedModel: Sendable {
    /// The repository is its folder `models`.
    let folder: TemporaryFolder
    let server: ServerProcess
    private let original: [UInt8]

    /// Serves a file of the repository as version 1, and waits until it is ready.
    ///
    /// - Parameters:
    ///   - file: The model file.
    ///   - configuration: The text of its `model.yaml`.
    ///   - arguments: More arguments of `manta serve`.
    /// - Throws: ``ServerProcess/Failure`` with the server's log if it doesn't start.
    init(_ file: String, configuration: String, arguments: [String] = []) async throws {
        folder = try TemporaryFolder()
        original = try [UInt8](Data(contentsOf: ServerProcess.root.appending(path: file)))
        // A line in the log for each request would be most of the work.
        try folder.write("models: [models]\nhttp: {access_log: false}\n", to: "manta.yaml")
        try folder.write(configuration, to: "models/m/model.yaml")
        try folder.write(original, to: "models/m/1/model.onnx")
        server = try await ServerProcess.ready(["--config", "\(folder.path)/manta.yaml"] + arguments)
    }

    /// The same model with another digest: its documentation, which counts for nothing, is this text.
    func model(documented text: String) -> [UInt8] { Self.model(original, documented: text) }

    /// A model with this documentation.
    static func model(_ model: [UInt8], documented text: String) -> [UInt8] {
        // Field 6 of ModelProto, a string. Of fields that come more than once, the last counts.
        model + [6 << 3 | 2, UInt8(text.utf8.count)] + Array(text.utf8)
    }

    /// Writes a version's file as `cp` does: over what is there.
    func write(_ model: [UInt8], version: Int) throws {
        try folder.write(model, to: "models/m/\(version)/model.onnx")
    }

    /// Puts a version's file in the place of the one that is there, at one moment.
    func replace(with model: [UInt8], version: Int) throws {
        try folder.write(model, to: "new.onnx")
        let place = "\(folder.path)/models/m/\(version)/model.onnx"
        guard unsafe rename("\(folder.path)/new.onnx", place) == 0 else {
            throw SocketClient.Failure("can't rename: \(errno)")
        }
    }

    /// Takes a version out of the repository.
    func remove(version: Int) throws {
        try FileManager.default.removeItem(atPath: "\(folder.path)/models/m/\(version)")
    }

    /// Writes the `model.yaml`.
    func configure(_ text: String) throws {
        try folder.write(text, to: "models/m/model.yaml")
    }

    /// A file of the tests' models.
    static func file(_ name: String) -> String { "Tests/Models/\(name).onnx" }

    /// Its content.
    static func model(_ name: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: ServerProcess.root.appending(path: file(name))))
    }
}

/// SHA-256 of these bytes, as the status shows it.
func digest(of bytes: [UInt8]) -> String {
    "sha256:" + SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
