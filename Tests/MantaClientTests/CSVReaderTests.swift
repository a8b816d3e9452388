import MantaTestKit
import Testing

@testable import MantaClient

@Suite("CSV")
struct CSVReaderTests {
    private static func rows(_ text: String, pieces: [Int] = []) throws -> [CSVRow] {
        var reader = CSVReader(file: "f.csv")
        var rest = Array(text.utf8)[...]
        var rows: [CSVRow] = []
        for length in pieces {
            rows += try reader.feed(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        rows += try reader.feed(rest)
        if let row = try reader.finish() { rows.append(row) }
        return rows
    }

    @Test(
        "rows and fields, with the lines they begin in",
        arguments: [
            ("1,2\n3,4\n", [CSVRow(line: 1, fields: ["1", "2"]), CSVRow(line: 2, fields: ["3", "4"])]),
            ("1,2\r\n\r\n3", [.init(line: 1, fields: ["1", "2"]), .init(line: 3, fields: ["3"])]),
            ("1\r2", [.init(line: 1, fields: ["1"]), .init(line: 2, fields: ["2"])]),
            (" 1 ,\t2 3\t,\n", [.init(line: 1, fields: ["1", "2 3", ""])]),
            (
                "\"a,\"\"b\"\"\nc\" ,2\n3",
                [.init(line: 1, fields: ["a,\"b\"\nc", "2"]), .init(line: 3, fields: ["3"])]
            ),
            ("\"\"\n", [.init(line: 1, fields: [""])]),
            ("\u{FEFF}a,b\n", [.init(line: 1, fields: ["a", "b"])]),
            ("\u{FEFF}\"a\",b\n", [.init(line: 1, fields: ["a", "b"])]),
            ("a \"b\" c\n", [.init(line: 1, fields: ["a \"b\" c"])]),
            ("", []), ("\n \n", []),
        ] as [(String, [CSVRow])])
    func forms(text: String, rows: [CSVRow]) throws {
        #expect(try Self.rows(text) == rows)
    }

    @Test("broken quotes are named with line and column")
    func quotes() {
        #expect(throws: ClientError(.data, "f.csv:2: column 2: a quote is opened and not closed")) {
            try Self.rows("1,2\n3,\"4\n5")
        }
        #expect(throws: ClientError(.data, "f.csv:1: column 1: expected a comma after the closing quote")) {
            try Self.rows("\"a\"b")
        }
    }

    @Test("what was written as CSV is read back, whatever pieces it comes in")
    func roundTrip() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        let atoms = ["a", "\u{E4}", "1", ",", "\"", "\n", "\r\n", " ", "-"]
        for _ in 0..<300 {
            let table = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                (0..<Int.random(in: 1...3, using: &random)).map { _ in
                    (0..<Int.random(in: 0...4, using: &random)).map { _ in atoms.randomElement(using: &random) ?? "" }
                        .joined()
                }
            }
            let end = ["\n", "\r\n", "\r"].randomElement(using: &random) ?? "\n"
            let text = table.map { row in
                row.map { "\"\($0.replacing("\"", with: "\"\""))\"" }.joined(separator: ",") + end
            }.joined()
            var left = text.utf8.count
            var pieces: [Int] = []
            while left > 0 {
                pieces.append(Int.random(in: 1...min(5, left), using: &random))
                left -= pieces.last ?? 0
            }

            #expect(
                try Self.rows(text, pieces: pieces).map(\.fields) == table, "seed \(seed): \(text.debugDescription)")
            #expect(try Self.rows(text) == Self.rows(text, pieces: pieces), "seed \(seed)")
        }
    }

    // MARK: Requests

    private static func encoder(_ datatype: String = "FP32", _ shape: [Int] = [-1, 2]) throws -> RowEncoder {
        try RowEncoder(ModelMetadata(inputs: [.init(name: "x", datatype: datatype, shape: shape)]), file: "f.csv")
    }

    private static func body(_ encoder: RowEncoder, _ rows: [[String]]) throws -> String? {
        var encoder = encoder
        for (index, fields) in rows.enumerated() { _ = try encoder.add(CSVRow(line: index + 1, fields: fields)) }
        return encoder.finish().map { String(decoding: $0.body, as: UTF8.self) }
    }

    @Test("numbers go out as they were written, and others in the form of JSON")
    func numbers() throws {
        #expect(
            try Self.body(Self.encoder(), [["0.1", "-1e-3"], ["+1", ".5"], ["nan", "-inf"]])
                == #"{"inputs":[{"name":"x","shape":[3,2],"datatype":"FP32","data":"#
                + #"[[0.1,-1e-3],[1.0,0.5],["NaN","-Infinity"]]}]}"#)
        #expect(
            try Self.body(Self.encoder("UINT64"), [["18446744073709551615", "007"]])?.contains(
                "[[18446744073709551615,7]]") == true)
        #expect(try Self.body(Self.encoder("BOOL"), [["true", "0"]])?.contains("[[true,false]]") == true)
    }

    @Test("a first line without a number is a header, one with a misprint isn't")
    func header() throws {
        #expect(try Self.body(Self.encoder(), [["a", "b"], ["1", "2"]])?.contains("[[1,2]]") == true)
        #expect(throws: ClientError(.data, "f.csv:1: column 2: expected a value of type FP32, found \"2x\"")) {
            try Self.body(Self.encoder(), [["1", "2x"]])
        }
        #expect(throws: ClientError(.data, "f.csv:2: column 1 (a): expected a value of type FP32, found nothing")) {
            try Self.body(Self.encoder(), [["a", "b"], ["", "2"]])
        }
        #expect(throws: ClientError(.data, "f.csv:1: column 1: expected a value of type INT64, found \"1.5\"")) {
            try Self.body(Self.encoder("INT64"), [["1.5", "2"]])
        }
    }

    @Test("a row with more or fewer values than the model takes is named")
    func width() throws {
        #expect(
            throws: ClientError(.data, "f.csv:2: expected 2 values for \"x\": FP32 [-1, 2], found 1")
        ) { try Self.body(Self.encoder(), [["1", "2"], ["3"]]) }
        #expect(
            throws: ClientError(.data, "f.csv:2: expected 1 value for \"x\": FP32 [-1, -1], found 2")
        ) { try Self.body(Self.encoder("FP32", [-1, -1]), [["1"], ["2", "3"]]) }
    }

    @Test("a model that doesn't take rows of numbers is described")
    func otherModels() {
        #expect(
            throws: ClientError(
                .data,
                "f.csv: CSV is for models with one input [rows, columns] of numbers, "
                    + "found \"x\": FP32 [-1, 3, 8, 8]; give JSON instead")
        ) { try Self.encoder("FP32", [-1, 3, 8, 8]) }
        #expect(throws: ClientError.self) { try Self.encoder("BYTES") }
    }
}
