import Yams

/// A line and a column, from 1, columns in Unicode scalars.
struct Place: Hashable {
    var line = 1
    var column = 1
}

extension Place {
    init(_ mark: Mark) {
        self.init(line: mark.line, column: mark.column)
    }

    fileprivate mutating func advance(past scalar: Unicode.Scalar) {
        if scalar == "\n" { (line, column) = (line + 1, 1) } else { column += 1 }
    }
}

extension String {
    /// Where an index is.
    func place(of index: Index) -> Place {
        var place = Place()
        for scalar in unicodeScalars[..<index] { place.advance(past: scalar) }
        return place
    }

    /// Where the alias of this number, from 1, may stand. `a*b` in a string counts as well: to know better, the text
    /// would have to be parsed, and that is what must not begin.
    func placeOfAlias(number: Int) -> Place? {
        var count = 0
        for (index, line) in split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            // A comment, unless a quote makes it the end of a string that began on another line.
            let isComment = line.first { $0 != " " && $0 != "\t" } == "#"
            if isComment, !line.contains("\""), !line.contains("'") { continue }
            for (column, pair) in zip(line.unicodeScalars, line.unicodeScalars.dropFirst()).enumerated() {
                guard pair.0 == "*", pair.1.mayBeginAnchor else { continue }
                count += 1
                if count == number { return Place(line: index + 1, column: column + 1) }
            }
        }
        return nil
    }

    /// This text with another first letter in the key at `place`, one that no other key has; `nil` if the key isn't
    /// written there as it is called.
    func masking(_ name: String, at place: Place, number: Int) -> String? {
        var position = Place()
        var index = startIndex
        while position != place {
            guard index < endIndex, position.line <= place.line else { return nil }
            position.advance(past: unicodeScalars[index])
            unicodeScalars.formIndex(after: &index)
        }
        let key = unicodeScalars[index...].drop { $0 == "\"" || $0 == "'" }
        guard !name.isEmpty, key.starts(with: name.unicodeScalars),
            let mask = Unicode.Scalar(0xE000 + UInt32(number))  // for private use
        else { return nil }
        var scalars = unicodeScalars
        scalars.replaceSubrange(key.startIndex..<scalars.index(after: key.startIndex), with: [mask])
        return String(scalars)
    }
}

extension Unicode.Scalar {
    /// Whether the name of an anchor may begin with this.
    fileprivate var mayBeginAnchor: Bool {
        switch self {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
        default: false
        }
    }
}
