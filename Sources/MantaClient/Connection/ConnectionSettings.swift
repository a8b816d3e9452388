/// Where a Manta answers, and how to talk to it.
package struct ConnectionSettings: Sendable {
    /// Whose certificates count, for HTTPS.
    package enum Trust: Sendable, Hashable {
        /// Those that this machine trusts.
        case system
        /// Those of this PEM file and no others.
        case file(String)
        /// All: anyone in between can read and change what is sent.
        case anyone
    }

    /// Where it answers.
    package var url: ServerURL
    /// What the server knows us by, sent as `Authorization: Bearer`.
    package var token: String?
    /// Whose certificates count.
    package var trust = Trust.system
    /// How long connecting and a whole reply may take.
    package var timeout = Duration.seconds(10)

    /// The defaults, for this place.
    package init(url: ServerURL) {
        self.url = url
    }

    /// The token in the text of a file or variable: what is left without the white space around it.
    ///
    /// - Parameters:
    ///   - text: What was found.
    ///   - origin: Where, for messages.
    /// - Returns: The token.
    /// - Throws: ``ClientError`` if it can't be one. The message doesn't repeat it.
    package static func token(in text: String, of origin: String) throws(ClientError) -> String {
        let characters = text.unicodeScalars.drop { $0.properties.isWhitespace }.reversed()
        let token = String(String.UnicodeScalarView(characters.drop { $0.properties.isWhitespace }.reversed()))
        guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ClientError(.usage, "\(origin): expected a token, printable ASCII on one line without spaces")
        }
        return token
    }
}

/// Where a server answers: scheme, host, port and, behind a proxy, the start of all paths.
package struct ServerURL: Sendable, Hashable, CustomStringConvertible {
    /// Completes "expected …".
    package static let expected = "a URL such as http://127.0.0.1:8002"

    /// The URL, without a slash at its end.
    package let description: String

    /// The place that the text names, or `nil` if it isn't what is expected.
    package init?(_ text: String) {
        guard text.wholeMatch(of: /https?:\/\/[^\s\/?#@]+(?:\/[^\s?#]*)?/) != nil else { return nil }
        description = String(text.reversed().drop { $0 == "/" }.reversed())
    }
}

extension ServerURL {
    /// Where operators reach a Manta that nobody told otherwise.
    package static let localAdmin = ServerURL(known: "http://127.0.0.1:8002")
    /// Where such a Manta answers inference.
    package static let localInference = ServerURL(known: "http://127.0.0.1:8000")

    private init(known url: String) {
        description = url
    }
}
