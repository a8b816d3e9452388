internal import CMantaJSON
internal import MantaCore

/// A value that tells its own shape: a scalar, or arrays in arrays with scalars in the innermost.
struct NestedValue {
    /// The token at which it begins.
    let token: Int
    /// The token behind it.
    let end: Int
    let shape: Shape
    /// Whether there are objects in the place of scalars.
    let hasObjects: Bool
}

extension JSONReader {
    /// The most arrays in arrays: no library has tensors of more dimensions.
    private static var maxRank: Int { 64 }

    /// Passes over the value of `name` that comes next and tells its shape.
    ///
    /// - Throws: ``ServingError`` if arrays beside each other differ in length or depth, and where.
    mutating func takeNested(_ name: String, of place: Place) throws(ServingError) -> NestedValue {
        let start = position
        var shape = NestedShape()
        var hasObjects = false
        repeat {
            // A value.
            switch byte {
            case UInt8(ascii: "["):
                guard shape.path.count < Self.maxRank else {
                    throw place.error("\(name): expected at most \(Self.maxRank) arrays in each other")
                }
                position += 1
                shape.open()
                if byte != UInt8(ascii: "]") { continue }
            case UInt8(ascii: "{"):
                hasObjects = true
                try skipValue()
                try check(shape.leaf(), shape, name, place)
            default:
                try skipValue()
                try check(shape.leaf(), shape, name, place)
            }
            // What comes after it.
            while !shape.path.isEmpty, byte == UInt8(ascii: "]") {
                position += 1
                try check(shape.close(), shape, name, place)
            }
            guard !shape.path.isEmpty else { break }
            guard byte == UInt8(ascii: ",") else { throw malformed(MANTA_JSON_EXPECTED_COMMA_OR_BRACKET) }
            position += 1
        } while true
        return NestedValue(token: start, end: position, shape: Shape(shape.sizes), hasObjects: hasObjects)
    }

    private func check(
        _ fault: NestedShape.Fault?, _ shape: NestedShape, _ name: String, _ place: Place
    ) throws(ServingError) {
        guard let fault else { return }
        let path = shape.path.map { "[\($0)]" }.joined()
        throw place.error("\(name)\(path): \(fault.description)")
    }

    /// The tensor of a value that was passed over, in a shape of as many elements.
    func tensor(
        _ dataType: DataType, _ shape: Shape, from value: NestedValue, of place: Place
    ) throws(ServingError) -> Tensor {
        if value.hasObjects {
            guard dataType == .bytes else { throw place.error("expected \(dataType.expectation), found an object") }
            return Tensor(shape: shape, elements: try byteElements(of: value, place))
        }
        guard value.shape.rank == 0 else { return try tensor(dataType, shape, at: value.token, of: place).tensor }
        var size = 0
        let room = dataType.byteWidth ?? (4 + offset(of: value.end) - offset(of: value.token))
        let buffer = try unsafe TensorBuffer(byteCount: room) { target throws(ServingError) in
            // A buffer always has an address.
            guard let start = unsafe target.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
            let read = unsafe manta_json_read_element(raw, value.token, dataType.raw, start)
            switch read.status {
            case MANTA_JSON_OK: size = read.bytes
            case MANTA_JSON_WRONG_TYPE, MANTA_JSON_OUT_OF_RANGE:
                throw place.error("expected \(dataType.expectation), found \(found(at: value.token))")
            default: throw malformed(read.status, at: read.token)
            }
        }
        return Tensor(dataType, shape: shape, buffer: buffer, byteRange: 0..<size)
    }

    /// Strings, and objects `{"b64": "…"}` of which each stands for its bytes.
    private func byteElements(of value: NestedValue, _ place: Place) throws(ServingError) -> [[UInt8]] {
        var elements: [[UInt8]] = []
        var token = value.token
        while token < value.end {
            switch unsafe bytes[Int(tokens[token])] {
            case UInt8(ascii: "{"):
                let (element, end) = try base64(at: token, place)
                elements.append(element)
                token = end
            case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ","): token += 1
            case UInt8(ascii: "\""):
                let string = unsafe manta_json_read_string(raw, token)
                guard unsafe string.status == MANTA_JSON_OK else { throw malformed(unsafe string.status, at: token) }
                elements.append(Array(unsafe JSONString(string).text.utf8))
                token += 1
            default:
                throw place.error(
                    "element \(elements.count): expected a string or {\"b64\": …}, found \(found(at: token))")
            }
        }
        return elements
    }

    /// The bytes that the object at a token stands for. Its grammar has been checked.
    private func base64(at token: Int, _ place: Place) throws(ServingError) -> (bytes: [UInt8], end: Int) {
        let name = unsafe manta_json_read_string(raw, token + 1)
        let text = unsafe manta_json_read_string(raw, token + 3)
        let end = token + 5
        guard isBase64(at: token), unsafe name.status == MANTA_JSON_OK, unsafe text.status == MANTA_JSON_OK,
            let bytes = Base64.bytes(of: unsafe JSONString(text).text)
        else {
            throw place.error("expected an object {\"b64\": …} with Base64, found another at byte \(offset(of: token))")
        }
        return (bytes, end)
    }

    /// Whether the object at a token is `{"b64": "…"}` and stands for bytes. Its grammar has been checked.
    func isBase64(at token: Int) -> Bool {
        // Brace, name, colon, value, brace.
        guard token + 4 < tokenCount, unsafe bytes[Int(tokens[token + 1])] == UInt8(ascii: "\""),
            unsafe bytes[Int(tokens[token + 3])] == UInt8(ascii: "\""),
            unsafe bytes[Int(tokens[token + 4])] == UInt8(ascii: "}")
        else { return false }
        let name = unsafe manta_json_read_string(raw, token + 1)
        guard unsafe name.status == MANTA_JSON_OK, case "b64" = unsafe JSONString(name) else { return false }
        return true
    }
}
