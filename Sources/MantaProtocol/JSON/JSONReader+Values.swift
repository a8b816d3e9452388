internal import CMantaJSON
internal import MantaCore

extension JSONReader {
    /// The string that comes next as the value of `name`.
    mutating func readString(_ name: StaticString, of place: @autoclosure () -> Place) throws(ServingError) -> String {
        guard byte == UInt8(ascii: "\"") else { throw unexpected(name, "a string", place()) }
        return try takeString().text
    }

    /// The shape that comes next: an array of integers of at least 0.
    mutating func readShape(of place: @autoclosure () -> Place) throws(ServingError) -> Shape {
        guard enterArray() else { throw unexpected("shape", "an array of integers", place()) }
        // No library has tensors of more dimensions, and messages show the shape.
        let maxRank = 64
        var sizes: [Int] = []
        // The usual rank, so that there is one allocation.
        sizes.reserveCapacity(4)
        while try nextElement() {
            let size = try readNumber()
            guard let size, size.is_integer, size.integer >= 0 else {
                throw unexpected("shape", "integers of at least 0", place())
            }
            guard sizes.count < maxRank else { throw place().error("shape: expected at most \(maxRank) sizes") }
            position += 1
            sizes.append(Int(size.integer))
        }
        return Shape(sizes)
    }

    /// The parameters that come next: an object of strings, numbers and booleans.
    mutating func readParameters(
        of place: @autoclosure () -> Place, _ body: (JSONString, ParameterValue) throws(ServingError) -> Void
    ) throws(ServingError) {
        if try skipNull() { return }
        guard enterObject() else { throw unexpected("parameters", "an object", place()) }
        while let name = try nextMember() {
            if try skipNull() { continue }
            guard let value = try readParameter() else {
                throw unexpected("parameter \"\(name.text)\"", "a string, a number or a boolean", place())
            }
            try body(name, value)
        }
    }

    /// A parameter's value, or `nil` if something else comes next. Integers beyond 64 bits become doubles.
    mutating func readParameter() throws(ServingError) -> ParameterValue? {
        switch byte {
        case UInt8(ascii: "\""):
            return .string(try takeString().text)
        case UInt8(ascii: "t"), UInt8(ascii: "f"):
            let isTrue = byte == UInt8(ascii: "t")
            try skipValue()
            return .bool(isTrue)
        default:
            guard let number = try readNumber() else { return nil }
            position += 1
            return number.is_integer ? .integer(number.integer) : .double(number.value)
        }
    }

    /// The number that comes next, without moving on; `nil` if something else does.
    private func readNumber() throws(ServingError) -> manta_json_number? {
        guard byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        let number = unsafe manta_json_read_number(raw, position)
        switch number.status {
        case MANTA_JSON_OK: return number
        case MANTA_JSON_WRONG_TYPE, MANTA_JSON_OUT_OF_RANGE: return nil
        default: throw malformed(number.status)
        }
    }
}
