internal import MantaCore

/// Reads the JSON object of a request of version 1.
struct PredictReader {
    private let signature: ModelSignature
    private var inputs: [NamedTensor]?
    private var form = PredictCodec.Form.columns

    /// Reads a request, from the beginning of its JSON, and the form that its reply has.
    static func read(
        _ json: inout JSONReader, _ signature: ModelSignature
    ) throws(ServingError) -> (request: InferenceRequest, form: PredictCodec.Form) {
        var reader = PredictReader(signature: signature)
        try json.enterText()
        while let member = try json.nextMember() {
            switch member {
            case "instances":
                try reader.checkFirst()
                try reader.readInstances(&json)
            case "inputs":
                try reader.checkFirst()
                try reader.readInputs(&json)
            default: try json.skipValue()
            }
        }
        try json.finish()
        guard let inputs = reader.inputs else {
            throw Place.request.error("expected \"instances\" or \"inputs\", found neither")
        }
        return (InferenceRequest(inputs: inputs), reader.form)
    }

    private init(signature: ModelSignature) {
        self.signature = signature
    }

    private func checkFirst() throws(ServingError) {
        guard inputs == nil else { throw Place.request.error("expected one of \"instances\" and \"inputs\", once") }
    }

    /// The model's only input, for values without a name.
    private func onlyInput(_ what: String) throws(ServingError) -> TensorSpec {
        guard signature.inputs.count == 1 else {
            throw Place.request.error(
                "\(what): the model has \(signature.inputs.count) inputs, so expected an object of \(names)")
        }
        return signature.inputs[0]
    }

    private var names: String { signature.inputs.map { "\"\($0.name)\"" }.joined(separator: ", ") }

    private func index(of name: String, _ what: String) throws(ServingError) -> Int {
        guard let index = signature.inputs.firstIndex(where: { $0.name == name }) else {
            throw Place.request.error("\(what): the model has no input \"\(name)\"; it has \(names)")
        }
        return index
    }

    /// Whether the object that comes next names inputs. For a single input of BYTES it may be its value.
    private func namesInputs(_ json: borrowing JSONReader) -> Bool {
        guard json.byte == UInt8(ascii: "{") else { return false }
        let isValue =
            signature.inputs.count == 1 && signature.inputs[0].dataType == .bytes && signature.inputs[0].name != "b64"
        return !(isValue && json.isBase64(at: json.position))
    }

    // MARK: - Columns

    private mutating func readInputs(_ json: inout JSONReader) throws(ServingError) {
        guard namesInputs(json) else {
            let spec = try onlyInput("inputs")
            inputs = [try tensor(of: spec, "inputs", &json)]
            return
        }
        var inputs: [NamedTensor] = []
        _ = json.enterObject()
        while let member = try json.nextMember() {
            let spec = signature.inputs[try index(of: member.text, "inputs")]
            inputs.append(try tensor(of: spec, "value", &json))
        }
        self.inputs = inputs
    }

    private func tensor(
        of spec: TensorSpec, _ what: String, _ json: inout JSONReader
    ) throws(ServingError) -> NamedTensor {
        let place = Place.input(spec.name, index: 0)
        let value = try json.takeNested(what, of: place)
        let shape = Self.shape(of: spec, for: value.shape)
        return NamedTensor(spec.name, try json.tensor(spec.dataType, shape, from: value, of: place))
    }

    /// A column of single values is written without brackets around each.
    private static func shape(of spec: TensorSpec, for found: Shape) -> Shape {
        let column = Shape(found.dimensions + [1])
        return !spec.admits(found) && spec.admits(column) ? column : found
    }

    // MARK: - Rows

    private mutating func readInstances(_ json: inout JSONReader) throws(ServingError) {
        guard json.byte == UInt8(ascii: "[") else { throw json.unexpected("instances", "an array", .request) }
        let start = json.position
        _ = json.enterArray()
        guard namesInputs(json) else {
            json.position = start
            let spec = try onlyInput("instances[0]")
            let rows = try tensor(of: spec, "instances", &json)
            (inputs, form) = ([rows], .rows(rows.tensor.rowCount ?? 0))
            return try checkRows()
        }
        var rows: [[Tensor]] = signature.inputs.map { _ in [] }
        var count = 0
        while try json.nextElement() {
            guard count < Self.maxRows else {
                throw Place.request.error(
                    "instances: expected at most \(Self.maxRows) objects; send more as \"inputs\"")
            }
            let what = "instances[\(count)]"
            guard json.enterObject() else { throw json.unexpected(what, "an object of \(names)", .request) }
            while let member = try json.nextMember() {
                let index = try index(of: member.text, what)
                try readCell(of: index, in: what, after: count, &json, &rows)
            }
            count += 1
            for (index, column) in rows.enumerated() where column.count != count && !rows[index].isEmpty {
                throw Place.request.error("\(what): input \"\(signature.inputs[index].name)\" is missing")
            }
        }
        inputs = zip(signature.inputs, rows).compactMap { spec, column in
            column.isEmpty ? nil : NamedTensor(spec.name, Tensor.joiningRows(column))
        }
        form = .rows(count)
        try checkRows()
    }

    /// The most instances that are objects, since each value of each is a tensor of its own until all are read.
    private static let maxRows = 1 << 16

    /// Reads the value of an input in one instance.
    private func readCell(
        of index: Int, in what: String, after count: Int, _ json: inout JSONReader, _ rows: inout [[Tensor]]
    ) throws(ServingError) {
        let spec = signature.inputs[index]
        guard rows[index].count == count else {
            throw Place.request.error(
                "\(what): input \"\(spec.name)\" is "
                    + (rows[index].count > count ? "given twice" : "missing in the instances before"))
        }
        let tensor: Tensor
        do throws(ServingError) {
            let place = Place.input(spec.name, index: index)
            let value = try json.takeNested("value", of: place)
            let shape = Self.shape(of: spec, for: Shape([1] + value.shape.dimensions))
            tensor = try json.tensor(spec.dataType, shape, from: value, of: place)
        } catch {
            throw ServingError(error.code, "\(what): \(error.message)")
        }
        if let first = rows[index].first, first.shape != tensor.shape {
            throw Place.request.error(
                "\(what): input \"\(spec.name)\" has shape \(Shape(Array(tensor.shape.dimensions.dropFirst()))), that of "
                    + "the first instance \(Shape(Array(first.shape.dimensions.dropFirst())))")
        }
        rows[index].append(tensor)
    }

    private func checkRows() throws(ServingError) {
        guard form != .rows(0) else { throw Place.request.error("instances: expected at least one") }
    }
}
