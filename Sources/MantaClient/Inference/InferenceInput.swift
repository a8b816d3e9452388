/// What a JSON file gives a model.
enum InferenceInput: Sendable {
    /// Nested lists as they were written, and their shape.
    struct Values: Sendable, Hashable {
        var shape: [Int]
        var json: ArraySlice<UInt8>
        /// Where they begin, for messages: `rows.json:3:8`.
        var place: String
    }

    /// A request of the Open Inference Protocol, sent as it is.
    case request([UInt8])
    /// Values for the model's one input.
    case values(Values)
    /// Values for the inputs of these names.
    case named([(name: String, values: Values)])

    /// Takes a file apart.
    ///
    /// - Throws: ``ClientError`` with line and column.
    init(_ bytes: [UInt8], file: String) throws(ClientError) {
        var scanner = JSONScanner(bytes, file: file)
        func values(_ scanner: inout JSONScanner) throws(ClientError) -> Values {
            _ = scanner.peek()
            let start = scanner.index
            let shape = try scanner.nestedList()
            let place = scanner.fault("", at: start).message
            return Values(shape: shape, json: bytes[start..<scanner.index], place: String(place.dropLast(2)))
        }
        guard scanner.peek() == 0x7B else {
            guard scanner.peek() == 0x5B else { throw scanner.unexpected("a list of rows or an object") }
            self = .values(try values(&scanner))
            try scanner.end()
            return
        }
        try scanner.expect(0x7B)
        var inputs: [(name: String, values: Values)] = []
        repeat {
            if inputs.isEmpty, scanner.take(0x7D) { throw scanner.fault("expected inputs, found an empty object") }
            let key = try scanner.string()
            let name = String(decoding: bytes[key], as: UTF8.self)
            try scanner.expect(0x3A)
            // Only a request has an object there, and what else it has is for the server to judge.
            if Self.isRequest(scanner, name) {
                self = .request(bytes)
                return
            }
            inputs.append((name, try values(&scanner)))
        } while scanner.take(0x2C)
        try scanner.expect(0x7D)
        try scanner.end()
        self = .named(inputs)
    }

    /// The request.
    ///
    /// - Parameters:
    ///   - file: What messages call the file.
    ///   - metadata: Asks the server what the model takes.
    /// - Returns: Its JSON.
    /// - Throws: ``ClientError`` if the model takes something else.
    func body(file: String, metadata: () async throws -> ModelMetadata) async throws -> [UInt8] {
        switch self {
        case .request(let body): return body
        case .values(let values):
            let model = try await metadata()
            guard let input = model.inputs.first, model.inputs.count == 1 else {
                let names = model.inputs.map(\.description).joined(separator: ", ")
                throw ClientError(
                    .data, "\(file): the model has the inputs \(names); expected an object with a member for each")
            }
            return try Self.body([(input, values)])
        case .named(let inputs):
            let model = try await metadata()
            return try Self.body(
                inputs.map { name, values in
                    guard let input = model.inputs.first(where: { $0.name == name }) else {
                        let names = model.inputs.map(\.description).joined(separator: ", ")
                        throw ClientError(
                            .data, "\(values.place): the model has no input \"\(name.printable)\"; it takes \(names)")
                    }
                    return (input, values)
                })
        }
    }

    private static func body(_ inputs: [(ModelMetadata.Tensor, Values)]) throws -> [UInt8] {
        var body = Array("{\"inputs\":[".utf8)
        for (index, (input, values)) in inputs.enumerated() {
            var shape = values.shape
            // One row doesn't need the list around it.
            if shape.count + 1 == input.shape.count { shape.insert(1, at: 0) }
            guard shape.count == input.shape.count else {
                throw ClientError(
                    .data,
                    "\(values.place): expected lists \(input.shape.count) deep for \(input.description), "
                        + "found them \(values.shape.count) deep")
            }
            let text = shape.map(String.init).joined(separator: ",")
            let head =
                "\(index == 0 ? "" : ","){\"name\":\(ModelText.quoted(input.name)),"
                + "\"datatype\":\"\(input.datatype)\",\"shape\":[\(text)],\"data\":"
            body += Array(head.utf8) + values.json + [0x7D]
        }
        return body + Array("]}".utf8)
    }

    /// Whether a member makes the object a request: `"inputs": [{`, or one of a request's others.
    private static func isRequest(_ scanner: JSONScanner, _ name: String) -> Bool {
        var scanner = scanner
        switch name {
        case "inputs", "outputs": return scanner.take(0x5B) && scanner.peek() == 0x7B
        case "id": return scanner.peek() == 0x22
        case "parameters": return scanner.peek() == 0x7B
        default: return false
        }
    }
}
