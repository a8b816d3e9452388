internal import MantaCore

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
    /// The token at which `data` begins.
    private var data: Int?
    private var tensor: Tensor?

    private var place: Place { .input(name, index: index) }

    private init(index: Int) {
        self.index = index
    }

    /// Reads an input.
    static func read(
        _ json: inout JSONReader, index: Int, binary: inout BinarySection
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
        return try input.finish(json, binary: &binary)
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
        try json.readParameters(of: place) { name, value throws(ServingError) in
            switch name {
            case "binary_data_size":
                guard case .integer(let size) = value, size >= 0 else {
                    throw place.error("parameter \"binary_data_size\": expected an integer of at least 0")
                }
                binarySize = Int(size)
            case "shared_memory_region":
                throw place.error("shared memory isn't supported", code: .unsupported)
            default: break
            }
        }
        self.binarySize = binarySize
    }

    private func finish(
        _ json: borrowing JSONReader, binary: inout BinarySection
    ) throws(ServingError) -> NamedTensor {
        guard let name else { throw place.missing("name") }
        guard let shape else { throw place.missing("shape") }
        guard let dataType else { throw place.missing("datatype") }
        switch (data, binarySize) {
        case (let data?, nil):
            if let tensor { return NamedTensor(name, tensor) }
            return NamedTensor(name, try json.tensor(dataType, shape, at: data, of: place).tensor)
        case (nil, let size?):
            return NamedTensor(name, try binary.tensor(dataType, shape, byteCount: size, of: place))
        case (nil, nil):
            throw place.error("expected data, or its size in the parameter binary_data_size; found neither")
        default:
            throw place.error("expected data, or its size in the parameter binary_data_size; found both")
        }
    }
}
