internal import MantaCore
internal import MantaSharedMemory

/// Reads one element of a request's `inputs`.
///
/// Its members may come in any order. In the usual one, with `data` behind `shape` and `datatype`, the elements are read
/// as soon as they are met; else their place is remembered until the rest is known.
struct InputReader {
    private let index: Int
    private var name: String?
    private var shape: Shape?
    private var dataType: DataType?
    private var hasParameters = false
    private var binarySize: Int?
    /// The part of a shared region that the tensor is in.
    private var slice: MemorySlice?
    /// The token at which `data` begins.
    private var data: Int?
    private var tensor: Tensor?

    private var place: Place { .input(name, index: index) }

    private init(index: Int) {
        self.index = index
    }

    /// Reads an input.
    static func read(
        _ json: inout JSONReader, index: Int, binary: inout BinarySection, memory: SharedMemory?
    ) throws(ServingError) -> NamedTensor {
        guard json.enterObject() else { throw json.unexpected("inputs[\(index)]", "an object", .request) }
        var input = InputReader(index: index)
        while let member = try json.nextMember() {
            switch member {
            case "name":
                guard input.name == nil else { throw input.place.givenTwice("name") }
                input.name = try json.readString("name", of: input.place)
            case "shape":
                guard input.shape == nil else { throw input.place.givenTwice("shape") }
                input.shape = try json.readShape(of: input.place)
            case "datatype":
                guard input.dataType == nil else { throw input.place.givenTwice("datatype") }
                input.dataType = try json.readDataType(of: input.place)
            case "parameters": try input.readParameters(&json)
            case "data": try input.readData(&json)
            default: try json.skipValue()
            }
        }
        return try input.finish(json, binary: &binary, memory: memory)
    }

    private mutating func readData(_ json: inout JSONReader) throws(ServingError) {
        guard data == nil else { throw place.givenTwice("data") }
        data = json.position
        guard name != nil, let shape, let dataType else { return try json.skipValue() }
        tensor = try json.readTensor(dataType, shape, of: place)
    }

    private mutating func readParameters(_ json: inout JSONReader) throws(ServingError) {
        guard !hasParameters else { throw place.givenTwice("parameters") }
        hasParameters = true
        let place = place
        var binarySize: Int?
        var parts = SliceReader()
        try json.readParameters(of: place) { name, value throws(ServingError) in
            switch name {
            case "binary_data_size": binarySize = try value.byteCount(name, of: place)
            default: try parts.read(name, value, of: place)
            }
        }
        self.binarySize = binarySize
        slice = try parts.slice(of: place)
    }

    private func finish(
        _ json: borrowing JSONReader, binary: inout BinarySection, memory: SharedMemory?
    ) throws(ServingError) -> NamedTensor {
        guard let name else { throw place.missing("name") }
        guard let shape else { throw place.missing("shape") }
        guard let dataType else { throw place.missing("datatype") }
        switch (data, binarySize, slice) {
        case (let data?, nil, nil):
            if let tensor { return NamedTensor(name, tensor) }
            return NamedTensor(name, try json.tensor(dataType, shape, at: data, of: place).tensor)
        case (nil, let size?, nil):
            return NamedTensor(name, try binary.tensor(dataType, shape, byteCount: size, of: place))
        case (nil, nil, let slice?):
            do throws(ServingError) {
                return NamedTensor(name, try memory.orForbidden().read(slice, dataType, shape))
            } catch {
                throw place.error(error)
            }
        case (nil, nil, nil):
            throw place.error("expected \(Self.sources); found none of them")
        default:
            throw place.error("expected one of \(Self.sources); found more than one")
        }
    }

    private static let sources =
        "data, its size in the parameter binary_data_size, or its place in the parameter shared_memory_region"
}
