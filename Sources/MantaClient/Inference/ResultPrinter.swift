/// Shows what a model gave, reply after reply.
package struct ResultPrinter {
    /// How results look.
    package enum Form: Sendable {
        /// Aligned, for people. Of long rows only the beginning.
        case table
        /// All values, with a header.
        case csv
        /// The server's documents, one on a line.
        case json
    }

    /// Values of a row that a table shows of each output.
    private static let maxColumns = 16

    private let form: Form
    private let screen: Screen
    private var widths: [Int] = []
    private var isFirst = true

    /// Shows results in this form.
    init(form: Form, screen: Screen) {
        (self.form, self.screen) = (form, screen)
    }

    /// Shows a reply.
    ///
    /// - Returns: How many rows it has.
    mutating func show(_ reply: ServerReply, from url: ServerURL) throws -> Int {
        let document = try InferenceReply.read(reply, from: url)
        let rows = document.outputs.first?.shape.first ?? 1
        defer { isFirst = false }
        switch form {
        case .json: try screen.write(document: reply.body)
        case .csv: try screen.write(try csv(document))
        case .table: try screen.write(try table(document))
        }
        return rows
    }

    private func csv(_ reply: InferenceReply) throws(ClientError) -> String {
        let outputs = try reply.outputs.map { output throws(ClientError) in try Rows(output) }
        guard Set(outputs.map(\.count)).count <= 1 else {
            throw ClientError(.data, "the outputs have different numbers of rows, which CSV can't show; use --json")
        }
        let titles = outputs.flatMap { $0.titles(limit: .max) }
        let rows = (0..<(outputs.first?.count ?? 0)).map { row in outputs.flatMap { $0.cells(row, limit: .max) } }
        return ((isFirst ? [titles] : []) + rows).map { $0.map(Self.field).joined(separator: ",") + "\n" }.joined()
    }

    private mutating func table(_ reply: InferenceReply) throws(ClientError) -> String {
        let outputs = try reply.outputs.map { output throws(ClientError) in try Rows(output) }
        let groups = Set(outputs.map(\.count)).count <= 1 ? [outputs] : outputs.map { [$0] }
        let tables = groups.map { lines($0, continues: !isFirst && groups.count == 1) }
        return tables.joined(separator: [""]).map { $0 + "\n" }.joined()
    }

    private mutating func lines(_ outputs: [Rows], continues: Bool) -> [String] {
        var table = TextTable(
            outputs.flatMap { output in
                output.titles(limit: Self.maxColumns).map { output.isText ? .text($0) : .number($0) }
            })
        for row in 0..<(outputs.first?.count ?? 0) {
            table.add(outputs.flatMap { $0.cells(row, limit: Self.maxColumns) })
        }
        if !continues { widths = table.widths }
        return table.lines(widths: continues ? widths : [], hasTitles: !continues)
    }

    /// A field of CSV: in quotes if it has what means something there.
    private static func field(_ text: String) -> String {
        guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
        return "\"\(text.replacing("\"", with: "\"\""))\""
    }

    /// An output as rows: its first dimension counts them.
    private struct Rows {
        let name: String
        let isText: Bool
        let count: Int
        private let width: Int
        private let isSingle: Bool
        private let data: [JSONValue]

        init(_ output: InferenceReply.Output) throws(ClientError) {
            count = output.shape.first ?? 1
            var width = 1
            for dimension in output.shape.dropFirst() {
                let (product, overflow) = width.multipliedReportingOverflow(by: dimension)
                guard dimension >= 0, !overflow else { throw Self.fault(output) }
                width = product
            }
            guard count >= 0, count.multipliedReportingOverflow(by: width) == (output.data.count, false) else {
                throw Self.fault(output)
            }
            (name, data, self.width) = (output.name.printable, output.data, width)
            isText = output.datatype == "BYTES"
            isSingle = width == 1
        }

        private static func fault(_ output: InferenceReply.Output) -> ClientError {
            ClientError(
                .data,
                "the server sent \(Quantity.count(output.data.count, "value")) for output "
                    + "\"\(output.name.printable)\" of shape \(output.shape)")
        }

        func titles(limit: Int) -> [String] {
            if isSingle { return [name] }
            return (0..<min(width, limit)).map { "\(name)[\($0)]" } + (width > limit ? ["…"] : [])
        }

        func cells(_ row: Int, limit: Int) -> [String] {
            data[(row * width)..<(row * width + min(width, limit))].map(\.text) + (width > limit ? ["…"] : [])
        }
    }
}
