/// Turns rows of a CSV file into requests for a model with one input, `[rows, columns]`.
struct RowEncoder {
    /// Rows that go into one request.
    static let maxRows = 64

    /// Rows that make a request.
    struct Batch: Sendable {
        /// The first line and the last one.
        var lines: ClosedRange<Int>
        /// How many rows.
        var count: Int
        /// The request.
        var body: [UInt8]
    }

    private let input: ModelMetadata.Tensor
    private let file: String
    /// Values in each row: the model's, or those of the first row.
    private var width: Int?
    private var header: [String]?
    private var isFirst = true
    private var lines: ClosedRange<Int>?
    private var count = 0
    private var data = ""

    /// An encoder for a model.
    ///
    /// - Throws: ``ClientError`` if the model takes something else than rows of numbers.
    init(_ metadata: ModelMetadata, file: String) throws(ClientError) {
        let found = metadata.inputs.map(\.description).joined(separator: ", ")
        guard let input = metadata.inputs.first, metadata.inputs.count == 1, input.shape.count == 2,
            input.datatype != "BYTES"
        else {
            throw ClientError(
                .data,
                "\(file): CSV is for models with one input [rows, columns] of numbers, found \(found); "
                    + "give JSON instead")
        }
        self.input = input
        self.file = file
        width = input.shape[1] > 0 ? input.shape[1] : nil
    }

    /// Takes a row. The first one is a header if none of its fields is a number: with one misprint it isn't, or the row
    /// would be lost without a word.
    ///
    /// - Returns: A request, if the row completes one.
    /// - Throws: ``ClientError`` with line and column.
    mutating func add(_ row: CSVRow) throws(ClientError) -> Batch? {
        defer { isFirst = false }
        let values = row.fields.map(value)
        if isFirst, zip(values, row.fields).allSatisfy({ $0 == nil && Double($1) == nil }) {
            header = row.fields
            return nil
        }
        let width = width ?? values.count
        guard values.count == width else {
            throw ClientError(
                .data,
                "\(file):\(row.line): expected \(Quantity.count(width, "value")) for \(input.description), "
                    + "found \(values.count)")
        }
        self.width = width
        var texts: [String] = []
        for (index, value) in values.enumerated() {
            guard let value else { throw fault(row, index) }
            texts.append(value)
        }
        data += (data.isEmpty ? "[" : ",[") + texts.joined(separator: ",") + "]"
        count += 1
        lines = (lines?.lowerBound ?? row.line)...row.line
        return count == Self.maxRows ? finish() : nil
    }

    /// What is left as a request.
    mutating func finish() -> Batch? {
        guard let lines, let width else { return nil }
        let name = ModelText.quoted(input.name)
        let body =
            "{\"inputs\":[{\"name\":\(name),\"shape\":[\(count),\(width)],\"datatype\":\"\(input.datatype)\","
            + "\"data\":[\(data)]}]}"
        defer { (self.lines, count, data) = (nil, 0, "") }
        return Batch(lines: lines, count: count, body: Array(body.utf8))
    }

    /// The JSON of a field, or `nil` if it isn't a value of the input's type.
    private func value(_ field: String) -> String? {
        switch input.datatype {
        case "BOOL": return ["true": "true", "false": "false", "1": "true", "0": "false"][field.lowercased()]
        case "UINT8", "UINT16", "UINT32", "UINT64": return UInt64(field).map { String($0) }
        case "INT8", "INT16", "INT32", "INT64": return Int64(field).map { String($0) }
        default:
            guard let number = Double(field) else { return nil }
            if number.isNaN { return "\"NaN\"" }
            if number.isInfinite { return number < 0 ? "\"-Infinity\"" : "\"Infinity\"" }
            // As it was written, if JSON writes numbers so too: nothing is rounded twice.
            let isJSON = field.wholeMatch(of: /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/) != nil
            return isJSON ? field : "\(number)"
        }
    }

    private func fault(_ row: CSVRow, _ index: Int) -> ClientError {
        let name = header.flatMap { $0.indices.contains(index) ? " (\($0[index].printable))" : nil } ?? ""
        let field = row.fields[index]
        let found = field.isEmpty ? "nothing" : "\"\(String(field.prefix(60)).printable)\""
        return ClientError(
            .data,
            "\(file):\(row.line): column \(index + 1)\(name): expected a value of type \(input.datatype), "
                + "found \(found)")
    }
}
