extension String {
    /// Whether it can be the name of a label or a resource, as options and messages have them: `name=value`.
    var isName: Bool {
        !isEmpty && utf8.count <= 256
            && !unicodeScalars.contains { $0 == "=" || $0.properties.isWhitespace || $0.breaksMessages }
    }
}

extension Unicode.Scalar {
    /// Whether it would end the line of a message, or not be seen there.
    var breaksMessages: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
