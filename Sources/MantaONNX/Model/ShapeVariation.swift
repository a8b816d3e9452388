internal import MantaCore

/// Which sizes of a model's inputs differ from run to run.
enum ShapeVariation {
    case none, batch, free

    /// That of these inputs.
    init(_ signature: ModelSignature) {
        if signature.inputs.contains(where: \.hasFreeInnerDimensions) {
            self = .free
        } else {
            self = signature.inputs.contains { $0.shape.dimensions.first == -1 } ? .batch : .none
        }
    }

    /// What a model file says, without loading it; `nil` if it isn't one that we can read.
    ///
    /// Its weights aren't read, so this takes a millisecond or so.
    init?(modelFile path: String) {
        guard let variation = FileMessage.read(file: path, Self.ofModel) else { return nil }
        self = variation
    }

    // The numbers of fields are those of `onnx.proto`: ModelProto, GraphProto, ValueInfoProto, TypeProto, TensorShapeProto.

    private static func ofModel(_ model: FileMessage) throws(FileMessage.Malformed) -> ShapeVariation? {
        guard var graph = try model.message(7) else { return nil }
        var variation = ShapeVariation.none
        while let field = try graph.next() {
            guard field.number == 11, let input = field.message else { continue }
            switch try ofInput(input) {
            case .free: return .free
            case .batch: variation = .batch
            case .none: break
            }
        }
        return variation
    }

    private static func ofInput(_ input: FileMessage) throws(FileMessage.Malformed) -> ShapeVariation {
        guard let type = try input.message(2), let tensor = try type.message(1), var shape = try tensor.message(2)
        else { return .free }
        var areFixed: [Bool] = []
        while let field = try shape.next() {
            guard field.number == 1, let size = field.message else { continue }
            areFixed.append(try isFixed(size))
        }
        if areFixed.dropFirst().contains(false) { return .free }
        return areFixed.first == false ? .batch : .none
    }

    private static func isFixed(_ size: FileMessage) throws(FileMessage.Malformed) -> Bool {
        var size = size
        while let field = try size.next() {
            if field.number == 1, let value = field.value { return Int64(bitPattern: value) >= 0 }
        }
        return false
    }
}
