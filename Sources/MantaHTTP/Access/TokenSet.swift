import Crypto

#if canImport(Glibc)
    import Glibc
#endif

/// The tokens that a listener takes, as digests: the tokens themselves aren't kept.
///
/// Their file has one a line, with or without a name for the log before it:
///
/// ```
/// # who may change what is served
/// deploy: 4fJq0uC1x2nU8tY6eR3sWw
/// 9d41b7c0a85e4f6f
/// ```
///
/// A token is what `Authorization: Bearer` can carry (`b64token` of RFC 6750): 16 to 512 letters, digits and `-._~+/`,
/// perhaps with `=` at the end. Two tokens may share a name, so that one can take the other's place.
package struct TokenSet: Sendable {
    private struct Entry {
        let name: String
        let digest: SHA256.Digest
        let line: Int
    }

    private let entries: [Entry]

    /// Reads a file.
    ///
    /// Like ssh with a private key, and by the rule of PostgreSQL for its key, it refuses a file that others can read:
    /// such a token is no secret, and a warning is read by nobody. The group may read a file of root's, which is how
    /// containers are given their secrets.
    ///
    /// - Throws: ``HTTPServerError`` with every fault of the file and its line. It repeats no token.
    /// - Note: Blocks on the file.
    package init(file path: String) throws(HTTPServerError) {
        let file = try SmallFile(path)
        guard file.mode & (file.owner == 0 ? 0o037 : 0o077) == 0 else {
            let mode = String(file.mode & 0o777, radix: 8)
            throw HTTPServerError("others can read it (mode \(mode)): run chmod 600 \(path)", file: path)
        }
        try self.init(text: file.text, file: path)
    }

    /// The first token of a file, for whoever shows it to others.
    ///
    /// - Throws: ``HTTPServerError`` with every fault of the file and its line. It repeats no token.
    /// - Note: Blocks on the file.
    package static func firstToken(in path: String) throws(HTTPServerError) -> String {
        _ = try TokenSet(file: path)
        let lines = try SmallFile(path).text.split(whereSeparator: \.isNewline).map(\.trimmed)
        let line = lines.first { !$0.isEmpty && !$0.hasPrefix("#") } ?? ""
        return String((line.split(separator: ":", maxSplits: 1).last ?? "").trimmed)
    }

    /// Reads the text of a file.
    init(text: String, file: String) throws(HTTPServerError) {
        var entries: [Entry] = []
        var faults: [HTTPServerError.Fault] = []
        // To Swift a line end of Windows is one character, another than "\n".
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            do throws(HTTPServerError) {
                if let entry = try Self.entry(line, number: index + 1, file: file, before: entries) {
                    entries.append(entry)
                }
            } catch {
                faults += error.faults
            }
        }
        guard faults.isEmpty else { throw HTTPServerError(faults) }
        guard !entries.isEmpty else {
            throw HTTPServerError("there is no token in it: expected one a line", file: file)
        }
        self.entries = entries
    }

    /// The name of a token, or `nil` if it isn't one of these. One without a name is called after its digest.
    ///
    /// Takes the same time whichever it is: each digest is compared, and each comparison is constant in time.
    func name(of token: Substring) -> String? {
        let digest = Self.digest(token)
        var found: Int?
        for index in entries.indices where entries[index].digest == digest { found = index }
        return found.map { entries[$0].name }
    }

    private static func entry(
        _ line: Substring, number: Int, file: String, before entries: [Entry]
    ) throws(HTTPServerError) -> Entry? {
        let line = line.trimmed
        if line.isEmpty || line.hasPrefix("#") { return nil }
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let token = (parts.last ?? "").trimmed
        let fault =
            if parts.count == 2, !isName(parts[0].trimmed) {
                "expected a name of 1 to 64 letters, digits and -._@ before the colon"
            } else if !(16...512).contains(token.utf8.count) {
                "the token has \(token.utf8.count) characters, expected 16 to 512; openssl rand -hex 16 makes one"
            } else if !isToken(token) {
                "the token has a character that isn't a letter, a digit or one of -._~+/ (and = at the end)"
            } else {
                nil as String?
            }
        if let fault { throw HTTPServerError(fault, file: file, line: number) }
        let digest = digest(token)
        if let other = entries.first(where: { $0.digest == digest }) {
            throw HTTPServerError("this token is in line \(other.line) already", file: file, line: number)
        }
        let start = digest.prefix(4).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        return Entry(
            name: parts.count == 2 ? String(parts[0].trimmed) : "token-\(start)", digest: digest, line: number)
    }

    private static func digest(_ token: Substring) -> SHA256.Digest { SHA256.hash(data: Array(token.utf8)) }

    private static func isName(_ text: Substring) -> Bool {
        (1...64).contains(text.utf8.count) && text.utf8.allSatisfy { $0.isAlphanumeric || "-._@".utf8.contains($0) }
    }

    private static func isToken(_ text: Substring) -> Bool {
        let body = text.utf8.reversed().drop { $0 == UInt8(ascii: "=") }
        return !body.isEmpty && body.allSatisfy { $0.isAlphanumeric || "-._~+/".utf8.contains($0) }
    }
}

extension Substring {
    /// The text without blanks around it.
    var trimmed: Substring {
        var rest = self
        while let first = rest.utf8.first, first.isBlank { rest = rest.dropFirst() }
        while let last = rest.utf8.last, last.isBlank { rest = rest.dropLast() }
        return rest
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 }

    fileprivate var isAlphanumeric: Bool {
        (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
    }
}
