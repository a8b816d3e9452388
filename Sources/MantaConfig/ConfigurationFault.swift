/// One thing that is wrong with a configuration, and where.
public struct ConfigurationFault: Sendable, Hashable, CustomStringConvertible {
    /// The file or folder at fault.
    public var file: String
    /// The line, from 1.
    public var line: Int?
    /// The column, from 1, in Unicode scalars.
    public var column: Int?
    /// What was found and what was expected.
    public var message: String

    /// A fault of a file, at a place in it if that is known.
    public init(file: String, line: Int? = nil, column: Int? = nil, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    /// `manta.yaml:3:11: http.threads: expected …`, the form that editors turn into links.
    public var description: String {
        let place = [line, column].compactMap(\.self).map { ":\($0)" }.joined()
        return "\(file)\(place): \(message)"
    }
}

/// Everything that is wrong with a configuration: people mend a file once, not once for each fault.
public struct ConfigurationErrors: Error, Sendable, Hashable, CustomStringConvertible {
    /// The faults: those of a file in the order of its lines.
    public var faults: [ConfigurationFault]

    /// These faults, at least one.
    public init(faults: [ConfigurationFault]) {
        self.faults = faults
    }

    /// One line for each fault.
    public var description: String { faults.map(\.description).joined(separator: "\n") }

    /// One fault of a file or folder.
    init(_ file: String, at place: Place? = nil, _ message: String) {
        self.init(faults: [
            ConfigurationFault(file: file, line: place?.line, column: place?.column, message: message)
        ])
    }
}
