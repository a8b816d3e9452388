/// Why a listener can't be opened, or goes on with what it has.
public struct HTTPServerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One thing that is wrong.
    public struct Fault: Sendable, Hashable, CustomStringConvertible {
        /// The file at fault, if one is.
        public let file: String?
        /// The line, from 1.
        public let line: Int?
        /// For people: what was found, and what was expected.
        public let reason: String

        /// `tokens.txt:3: the token has 8 characters, …`
        public var description: String {
            guard let file else { return reason }
            return "\(file)\(line.map { ":\($0)" } ?? ""): \(reason)"
        }
    }

    /// Everything that is wrong, at least one thing.
    public let faults: [Fault]

    /// For people: each fault, with the address or file.
    public var description: String { faults.map(\.description).joined(separator: "; ") }

    /// What keeps `body` from its end.
    package static func faults(of body: () throws(HTTPServerError) -> Void) -> [Fault] {
        do throws(HTTPServerError) {
            try body()
            return []
        } catch {
            return error.faults
        }
    }

    /// All of these.
    package init(_ faults: [Fault]) {
        self.faults = faults
    }

    /// One fault.
    package init(_ reason: String, file: String? = nil, line: Int? = nil) {
        self.init([Fault(file: file, line: line, reason: reason)])
    }
}
