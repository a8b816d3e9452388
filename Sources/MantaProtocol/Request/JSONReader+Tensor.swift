internal import CMantaJSON
internal import MantaCore

extension JSONReader {
    /// The datatype that comes next.
    mutating func readDataType(of place: @autoclosure () -> Place) throws(ServingError) -> DataType {
        guard byte == UInt8(ascii: "\"") else { throw unexpected("datatype", "a string", place()) }
        guard let type = DataType(try takeString()) else {
            position -= 1
            let names = DataType.allCases.map(\.rawValue).joined(separator: ", ")
            throw unexpected("datatype", "one of \(names)", place())
        }
        return type
    }

    /// The tensor whose elements come next.
    mutating func readTensor(
        _ dataType: DataType, _ shape: Shape, of place: @autoclosure () -> Place
    ) throws(ServingError) -> Tensor {
        let (tensor, end) = try tensor(dataType, shape, at: position, of: place())
        position = end
        return tensor
    }

    /// The tensor whose elements begin at a token, and the token behind them.
    func tensor(
        _ dataType: DataType, _ shape: Shape, at token: Int, of place: @autoclosure () -> Place
    ) throws(ServingError) -> (tensor: Tensor, end: Int) {
        guard let count = shape.elementCount else {
            throw place().error("shape \(shape) has more elements than can be counted")
        }
        // Each element is a token, so a false shape can't reserve more memory than the text is worth.
        guard count <= tokenCount - token else {
            throw miscounted(shape, at: token, place())
        }
        var end = token
        var size = 0
        let room = try room(for: dataType, count, at: token)
        let buffer = try unsafe TensorBuffer(byteCount: room) { target throws(ServingError) in
            // A buffer always has an address.
            guard let start = unsafe target.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
            let read = unsafe manta_json_read_elements(raw, token, dataType.raw, count, start)
            guard read.status == MANTA_JSON_OK, read.elements == count else {
                throw fault(read, dataType, shape, at: token, place())
            }
            (end, size) = (read.token, read.bytes)
        }
        return (Tensor(dataType, shape: shape, buffer: buffer, byteRange: 0..<size), end)
    }

    /// How many bytes the elements take at most.
    private func room(for dataType: DataType, _ count: Int, at token: Int) throws(ServingError) -> Int {
        if let width = dataType.byteWidth { return count * width }
        let read = unsafe manta_json_skip(raw, token)
        guard read.status == MANTA_JSON_OK else { throw malformed(read.status, at: read.token) }
        return 4 * count + offset(of: read.token) - offset(of: token)
    }

    /// An error about what stopped the reading of elements.
    private func fault(
        _ read: manta_json_read, _ dataType: DataType, _ shape: Shape, at token: Int, _ place: Place
    ) -> ServingError {
        switch read.status {
        case MANTA_JSON_OK, MANTA_JSON_TOO_MANY:
            return miscounted(shape, at: token, place)
        case MANTA_JSON_WRONG_TYPE where read.token == token:
            return place.error("data: expected an array, found \(found(at: token))")
        case MANTA_JSON_WRONG_TYPE, MANTA_JSON_OUT_OF_RANGE:
            return place.error(
                "element \(read.elements): expected \(dataType.expectation), found \(found(at: read.token))")
        default:
            return malformed(read.status, at: read.token)
        }
    }

    /// An error about a number of elements that isn't the shape's.
    private func miscounted(_ shape: Shape, at token: Int, _ place: Place) -> ServingError {
        let read = unsafe manta_json_skip(raw, token)
        guard read.status == MANTA_JSON_OK else { return malformed(read.status, at: read.token) }
        return place.error(
            "shape \(shape) has \(shape.elementCount ?? 0) elements, but data has \(read.elements)")
    }
}
