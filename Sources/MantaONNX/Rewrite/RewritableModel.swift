internal import FoundationEssentials
internal import MantaWire
internal import SwiftProtobuf

/// A model whose nodes and constants can be changed without reading its large constants.
///
/// Most of a file is weights that stay as they are: they are copied from the file, once, when the changed model is put
/// together.
struct RewritableModel {
    /// The model as far as it was read. Of constants over ``maxRead`` bytes the numbers are missing; their names, types
    /// and sizes are there. Nodes, operator sets and constants may be added, and nodes and constants removed; what else
    /// is changed here isn't in ``bytes()``.
    var model = Onnx_ModelProto()

    private let file: FileMessage
    /// Where the fields of the model and of its graph are that aren't nodes or constants.
    private var modelFields: [Range<Int>] = []
    private var graphFields: [Range<Int>] = []
    /// Constants in the file.
    private var constants: [(name: String, place: Range<Int>)] = []
    private var operatorSets = 0

    /// Larger constants aren't looked at.
    private static let maxRead = 64 << 10
    /// A model whose rest, its nodes above all, is larger than this together is left alone.
    private static let maxReadInAll = 64 << 20
    /// What a field counts beside its bytes, since it takes more memory than those.
    private static let overhead = 256
    /// More than models have. What is known of each node while a graph is changed adds up to some kilobytes.
    private static let maxNodes = 32 << 10
    /// What names of ours begin with.
    static let prefix = "manta:"

    /// `nil` if it is no model whose graph can be put together anew: one with functions of its own, whose names may be any
    /// operator's, with graphs within the graph, which may use any of its values, with two values of one name, or with
    /// data in other files. Those are found by the path of the model, which a model in memory doesn't have: the runtime
    /// would look for them in the working directory, where whoever made the model may have no business.
    init?(_ file: FileMessage) throws(FileMessage.Malformed) {
        self.file = file
        var (fields, graph, room) = (file, nil as FileMessage?, Self.maxReadInAll)
        while let field = try fields.next() {
            switch (field.number, field.message) {
            case (7, let message?):
                guard graph == nil else { return nil }
                graph = message
                continue
            case (8, let message?): model.opsetImport.append(try Self.read(message, &room))
            case (25, _): return nil
            default: break
            }
            room -= Self.overhead
            modelFields.append(field.place)
            guard room >= 0 else { return nil }
        }
        operatorSets = model.opsetImport.count
        guard var rest = graph else { return nil }
        // Each access to a message in another may copy it.
        var parts = Onnx_GraphProto()
        while let field = try rest.next() {
            switch (field.number, field.message) {
            case (1, let message?):
                let node: Onnx_NodeProto = try Self.read(message, &room)
                guard node.attribute.allSatisfy(\.isWithinFile), parts.node.count < Self.maxNodes else { return nil }
                parts.node.append(node)
                continue
            case (5, let message?):
                let constant = try Self.constant(message, &room)
                guard constant.dataLocation == 0 else { return nil }
                constants.append((constant.name, field.place))
                parts.initializer.append(constant)
                continue
            case (11, let message?): parts.input.append(try Self.read(message, &room))
            case (12, let message?): parts.output.append(try Self.read(message, &room))
            // Sparse constants, which may be in other files.
            case (15, _): return nil
            default: break
            }
            room -= Self.overhead
            graphFields.append(field.place)
            guard room >= 0 else { return nil }
        }
        model.graph = parts
        let names = parts.node.flatMap(\.output).filter { !$0.isEmpty } + constants.map(\.name)
        guard Set(names).count == names.count, !names.contains(where: { $0.hasPrefix(Self.prefix) }) else { return nil }
    }

    /// The changed model.
    ///
    /// - Throws: `Malformed` if the file has become shorter meanwhile.
    func bytes() throws(FileMessage.Malformed) -> [UInt8] {
        let before = Set(constants.map(\.name))
        let remaining = Set(model.graph.initializer.map(\.name))
        let places = Self.joined(graphFields + constants.filter { remaining.contains($0.name) }.map(\.place))
        let changes = Onnx_GraphProto.with {
            $0.node = model.graph.node
            $0.initializer = model.graph.initializer.filter { !before.contains($0.name) }
        }
        let newSets = Onnx_ModelProto.with { $0.opsetImport = Array(model.opsetImport.dropFirst(operatorSets)) }
        guard let graphEnd: [UInt8] = try? changes.serializedBytes(partial: true),
            let modelEnd: [UInt8] = try? newSets.serializedBytes(partial: true)
        else { throw FileMessage.Malformed() }
        // The graph's key, field 7 with a length, and that.
        var head: [UInt8] = [7 << 3 | 2]
        var length = places.reduce(graphEnd.count) { $0 + $1.count }
        while length >= 0x80 {
            head.append(UInt8(length & 0x7F) | 0x80)
            length >>= 7
        }
        head.append(UInt8(length))
        let start = try file.contents(of: Self.joined(modelFields))
        return try file.contents(of: places, head: start + head, tail: graphEnd + modelEnd)
    }

    private static func read<Message: SwiftProtobuf.Message>(
        _ message: FileMessage, _ room: inout Int
    ) throws(FileMessage.Malformed) -> Message {
        room -= message.byteCount + overhead
        guard room >= 0, let result = try? Message(serializedBytes: message.contents(), partial: true) else {
            throw FileMessage.Malformed()
        }
        return result
    }

    /// A constant; of a large one all but its numbers. The numbers of fields are those of `TensorProto`.
    private static func constant(
        _ message: FileMessage, _ room: inout Int
    ) throws(FileMessage.Malformed) -> Onnx_TensorProto {
        guard message.byteCount > maxRead else { return try read(message, &room) }
        room -= overhead
        var (rest, places) = (message, [] as [Range<Int>])
        while let field = try rest.next() {
            if [1, 2, 8, 14].contains(field.number), field.place.count <= maxRead { places.append(field.place) }
        }
        guard let result = try? Onnx_TensorProto(serializedBytes: message.contents(of: places), partial: true) else {
            throw FileMessage.Malformed()
        }
        return result
    }

    /// Places that follow each other as one.
    private static func joined(_ places: [Range<Int>]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for place in places.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, last.upperBound == place.lowerBound {
                result[result.count - 1] = last.lowerBound..<place.upperBound
            } else {
                result.append(place)
            }
        }
        return result
    }
}

extension Onnx_AttributeProto {
    /// Whether it has neither graphs nor data in other files.
    fileprivate var isWithinFile: Bool {
        !hasG && graphs.isEmpty && t.dataLocation == 0 && tensors.allSatisfy { $0.dataLocation == 0 }
            && !hasSparseTensor && sparseTensors.isEmpty
    }
}
