import FoundationEssentials
import MantaCore
import MantaONNX
import Testing

/// The engine and the model files of these tests.
enum Fixture {
    /// Where a model file of `make.py` is.
    static func path(_ name: String) -> String {
        let file = #filePath
        return file.prefix(through: file.lastIndex(of: "/") ?? file.startIndex) + "Fixtures/\(name).onnx"
    }

    /// Loads one.
    static func model(_ name: String, _ options: EngineOptions = .init()) throws -> any LoadedModel {
        try ONNXRuntimeEngine().load(ModelSource(path: path(name), options: options))
    }

    /// The bytes of one.
    static func bytes(_ name: String) throws -> [UInt8] {
        try Array(Data(contentsOf: URL(fileURLWithPath: path(name))))
    }
}
