/// The token of a request, `Authorization: Bearer …` (RFC 6750, section 2.1).
package enum BearerToken {
    /// Who asks.
    ///
    /// - Parameters:
    ///   - field: The value of `Authorization`.
    ///   - tokens: The tokens that are taken.
    /// - Returns: The name of the request's token.
    /// - Throws: ``HTTPError`` 401 that says what is expected, and never what was sent.
    package static func principal(of field: String?, among tokens: TokenSet?) throws(HTTPError) -> String {
        guard let field else {
            throw refusal("Bearer", "a token is needed: send the header Authorization: Bearer TOKEN")
        }
        let scheme = field.prefix { $0 != " " }
        guard scheme.lowercased() == "bearer" else {
            throw refusal("Bearer", "Authorization has another scheme: expected Authorization: Bearer TOKEN")
        }
        guard let name = tokens?.name(of: field[scheme.endIndex...].trimmed) else {
            throw refusal(
                "Bearer error=\"invalid_token\"",
                "the token in Authorization isn't one that this server takes: expected Authorization: Bearer TOKEN")
        }
        return name
    }

    private static func refusal(_ challenge: String, _ message: String) -> HTTPError {
        HTTPError(.unauthorized, message, headers: ["WWW-Authenticate": challenge])
    }
}
