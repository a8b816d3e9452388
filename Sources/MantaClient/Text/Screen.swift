/// Where a command writes what it was asked for.
package struct Screen: Sendable {
    /// Whether a person looks at it as it comes.
    package var isTerminal: Bool
    /// Whether states may have colours.
    package var isColoured: Bool
    /// Writes this text at once.
    package var write: @Sendable (String) throws -> Void

    /// A place to write to.
    package init(isTerminal: Bool = false, isColoured: Bool = false, write: @escaping @Sendable (String) throws -> Void)
    {
        self.isTerminal = isTerminal
        self.isColoured = isColoured
        self.write = write
    }

    /// Writes a document of the server as it is, on a line of its own.
    package func write(document: [UInt8]) throws {
        let text = String(decoding: document, as: UTF8.self)
        try write(text.hasSuffix("\n") ? text : text + "\n")
    }
}

extension String {
    /// The text on one line and without anything that a terminal obeys: names and messages come from elsewhere.
    var printable: String {
        guard unicodeScalars.contains(where: \.isUnprintable) else { return self }
        var text = ""
        for scalar in unicodeScalars {
            text += scalar.isUnprintable ? scalar.escaped(asASCII: true) : String(scalar)
        }
        return text
    }
}

extension Unicode.Scalar {
    /// Control characters, line ends, and what turns the direction of text around.
    fileprivate var isUnprintable: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .format, .surrogate: true
        default: false
        }
    }
}
