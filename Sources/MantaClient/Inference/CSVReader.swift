/// A row of a CSV file.
struct CSVRow: Sendable, Hashable {
    /// The line that it begins in, from 1.
    var line: Int
    /// The fields, without white space around them unless it was in quotes.
    var fields: [String]
}

/// Takes CSV apart (RFC 4180), whatever pieces it comes in: fields in double quotes may have commas, line ends and,
/// doubled, quotes. Lines end with LF, CRLF or CR; empty ones are passed over.
struct CSVReader {
    /// The size that a row may have.
    static let maxRowBytes = 64 << 20

    /// What some programs begin a file in UTF-8 with.
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    private enum State {
        case start, plain, quoted, afterQuote
    }

    /// What messages call the file.
    private let file: String
    private var state = State.start
    private var line = 1
    private var rowLine = 1
    private var fields: [String] = []
    private var field: [UInt8] = []
    private var rowBytes = 0
    private var isAfterReturn = false
    private var isAtStart = true

    /// A reader at the start of a file.
    init(file: String) {
        self.file = file
    }

    /// Takes the next bytes.
    ///
    /// - Returns: The rows that they complete.
    /// - Throws: ``ClientError`` with line and column.
    mutating func feed(_ bytes: some Sequence<UInt8>) throws(ClientError) -> [CSVRow] {
        var rows: [CSVRow] = []
        for byte in bytes {
            let completesLineEnd = isAfterReturn && byte == 0x0A
            isAfterReturn = byte == 0x0D
            if byte == 0x0A && !completesLineEnd || byte == 0x0D { line += 1 }
            rowBytes += 1
            guard rowBytes <= Self.maxRowBytes else {
                throw fault("a row of more than \(Self.maxRowBytes >> 20) MiB")
            }
            if state == .quoted {
                if byte == 0x22 { state = .afterQuote } else { field.append(byte) }
                continue
            }
            switch byte {
            case 0x0A where completesLineEnd: break
            case 0x0A, 0x0D:
                if let row = endRow() { rows.append(row) }
            case 0x2C: endField()
            case 0x22 where state == .afterQuote:
                field.append(byte)
                state = .quoted
            case 0x22 where state == .start || isAtStart && field == Self.byteOrderMark:
                field = []
                state = .quoted
            case 0x20, 0x09: if state == .plain { field.append(byte) }
            case _ where state == .afterQuote:
                throw fault("expected a comma after the closing quote")
            default:
                field.append(byte)
                state = .plain
            }
        }
        return rows
    }

    /// Takes the end of the file.
    ///
    /// - Returns: The last row, if no line end came after it.
    /// - Throws: ``ClientError`` if a quote isn't closed.
    mutating func finish() throws(ClientError) -> CSVRow? {
        guard state != .quoted else { throw fault("a quote is opened and not closed") }
        return endRow()
    }

    private mutating func endField() {
        if state == .plain {
            while field.last == 0x20 || field.last == 0x09 { field.removeLast() }
        }
        if isAtStart, field.starts(with: Self.byteOrderMark) { field.removeFirst(Self.byteOrderMark.count) }
        isAtStart = false
        fields.append(String(decoding: field, as: UTF8.self))
        field.removeAll(keepingCapacity: true)
        state = .start
    }

    private mutating func endRow() -> CSVRow? {
        defer {
            fields = []
            rowLine = line
            rowBytes = 0
        }
        guard state != .start || !fields.isEmpty else { return nil }
        endField()
        return CSVRow(line: rowLine, fields: fields)
    }

    private func fault(_ message: String) -> ClientError {
        ClientError(.data, "\(file):\(rowLine): column \(fields.count + 1): \(message)")
    }
}
