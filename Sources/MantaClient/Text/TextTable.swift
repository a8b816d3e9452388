/// A table with aligned columns: text to the left, numbers to the right.
struct TextTable {
    /// A column.
    struct Column {
        let title: String
        var isNumber = false

        /// A column of text.
        static func text(_ title: String) -> Column { Column(title: title) }
        /// A column of numbers.
        static func number(_ title: String) -> Column { Column(title: title, isNumber: true) }
    }

    /// How a cell is meant.
    enum Tone: String {
        case good = "\u{1B}[32m"
        case busy = "\u{1B}[33m"
        case bad = "\u{1B}[31m"

        /// That of a deployment's, version's or replica's state.
        init?(state: String) {
            switch state {
            case "ready": self = .good
            case "failed", "halted": self = .bad
            case "loading", "warming", "updating", "pending", "draining": self = .busy
            default: return nil
            }
        }

        /// The text in this tone.
        func paint(_ text: String) -> String { rawValue + text + "\u{1B}[0m" }
    }

    private let columns: [Column]
    private var rows: [[String]] = []
    /// The column whose words have a tone.
    private let stateColumn: Int?

    /// An empty table.
    init(_ columns: [Column]) {
        self.columns = columns
        stateColumn = columns.firstIndex { $0.title == "STATE" }
    }

    /// Adds a row with a cell for each column.
    mutating func add(_ cells: [String]) {
        rows.append(cells.map(\.printable))
    }

    /// How wide each column has to be.
    var widths: [Int] {
        columns.indices.map { index in
            max(columns[index].title.count, rows.map { $0[index].count }.max() ?? 0)
        }
    }

    /// The lines, the titles first.
    ///
    /// - Parameters:
    ///   - isColoured: Whether states have colours.
    ///   - least: How wide the columns are at least, for a table that goes on.
    ///   - hasTitles: Whether the titles come first.
    /// - Returns: The lines, without line ends.
    func lines(isColoured: Bool = false, widths least: [Int] = [], hasTitles: Bool = true) -> [String] {
        let widths = zip(widths, least.isEmpty ? widths : least).map(max)
        let titles = hasTitles ? [line(columns.map(\.title), widths) { text, _ in text }] : []
        return titles
            + rows.map { row in
                line(row, widths) { text, index in
                    guard isColoured, index == stateColumn, let tone = Tone(state: row[index]) else { return text }
                    return tone.paint(text)
                }
            }
    }

    private func line(_ cells: [String], _ widths: [Int], _ paint: (String, Int) -> String) -> String {
        let last = cells.lastIndex { !$0.isEmpty } ?? 0
        return cells.indices.prefix(last + 1).map { index in
            let padding = String(repeating: " ", count: max(0, widths[index] - cells[index].count))
            let cell = paint(cells[index], index)
            if columns[index].isNumber { return padding + cell }
            return index == last ? cell : cell + padding
        }.joined(separator: "  ")
    }
}
