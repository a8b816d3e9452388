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
    /// The rest of a model, its nodes above all, is left alone if it is larger than this together.
    private static let maxReadInAll = 64 << 20

    /// `nil` if it is no model whose graph can be put together anew: one with functions of its own, whose names may be any
    /// operator's, with data in other files, which is found by the path of the model, or with graphs within the graph,
    /// which may use any of its values.
    init?(_ file: FileMessage) throws(FileMessage.Malformed) {
        self.file = file
        var (rest, graph, room) = (file, nil as FileMessage?, Self.maxReadInAll)
        while let field = try rest.next() {
            switch (field.number, field.message) {
            case (7, let message?):
                guard graph == nil else { return nil }
                graph = message
                continue
            case (8, let message?): model.opsetImport.append(try Self.read(message, &room))
            case (25, _): return nil
            default: break
            }
            modelFields.append(field.place)
        }
        operatorSets = model.opsetImport.count
        guard var graph else { return nil }
        while let field = try graph.next() {
            switch (field.number, field.message) {
            case (1, let message?):
                let node: Onnx_NodeProto = try Self.read(message, &room)
                guard !node.attribute.contains(where: \.hasG) else { return nil }
                model.graph.node.append(node)
                continue
            case (5, let message?):
                let constant = try Self.constant(message, &room)
                guard constant.dataLocation == 0 else { return nil }
                constants.append((constant.name, field.place))
                model.graph.initializer.append(constant)
                continue
            case (11, let message?): model.graph.input.append(try Self.read(message, &room))
            case (12, let message?): model.graph.output.append(try Self.read(message, &room))
            default: break
            }
            graphFields.append(field.place)
        }
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
        room -= message.byteCount
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
