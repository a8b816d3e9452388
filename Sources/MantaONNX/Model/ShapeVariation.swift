internal import Glibc
internal import MantaCore
internal import MantaProtobuf

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
    /// Its weights aren't looked at, so this takes well under a millisecond.
    init?(modelFile path: String) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_size > 0,
            let start = unsafe mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0),
            unsafe start != MAP_FAILED
        else { return nil }
        defer { unsafe munmap(start, Int(status.st_size)) }
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: Int(status.st_size))
        guard let variation = try? unsafe Self.ofModel(bytes) else { return nil }
        self = variation
    }

    // The numbers of fields are those of `onnx.proto`: ModelProto, GraphProto, ValueInfoProto, TypeProto, TensorShapeProto.

    private static func ofModel(_ bytes: UnsafeRawBufferPointer) throws(WireFields.Malformed) -> ShapeVariation? {
        guard let graph = try unsafe message(7, in: bytes) else { return nil }
        var variation = ShapeVariation.none
        var fields = unsafe WireFields(graph)
        while let field = try unsafe fields.next() {
            guard field.number == 11, let input = unsafe field.content else { continue }
            switch try unsafe ofInput(input) {
            case .free: return .free
            case .batch: variation = .batch
            case .none: break
            }
        }
        return variation
    }

    private static func ofInput(_ bytes: UnsafeRawBufferPointer) throws(WireFields.Malformed) -> ShapeVariation {
        guard let type = try unsafe message(2, in: bytes), let tensor = try unsafe message(1, in: type),
            let shape = try unsafe message(2, in: tensor)
        else { return .free }
        var sizes: [Bool] = []
        var fields = unsafe WireFields(shape)
        while let field = try unsafe fields.next() {
            guard field.number == 1, let size = unsafe field.content else { continue }
            sizes.append(try unsafe isFixed(size))
        }
        if sizes.dropFirst().contains(false) { return .free }
        return sizes.first == false ? .batch : .none
    }

    private static func isFixed(_ size: UnsafeRawBufferPointer) throws(WireFields.Malformed) -> Bool {
        var fields = unsafe WireFields(size)
        while let field = try unsafe fields.next() {
            if field.number == 1, let value = field.number64 { return Int64(bitPattern: value) >= 0 }
        }
        return false
    }

    /// The message in the first field of a number.
    private static func message(
        _ number: Int, in bytes: UnsafeRawBufferPointer
    ) throws(WireFields.Malformed) -> UnsafeRawBufferPointer? {
        var fields = unsafe WireFields(bytes)
        while let field = try unsafe fields.next() {
            if field.number == number, let content = unsafe field.content { return unsafe content }
        }
        return nil
    }
}
