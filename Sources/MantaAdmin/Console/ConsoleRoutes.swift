package import MantaHTTP

/// The console: one page and what it needs, from this process alone.
///
/// ```swift
/// var routes = Routes()
/// ConsoleRoutes().register(in: &routes)   // GET / and /console/…
/// ```
///
/// The files tell nothing about this process, so they need no credentials: the page asks for a token when a route that
/// does tell something refuses.
package struct ConsoleRoutes: Sendable {
    /// The routes of the console.
    package init() {}

    /// Adds the page and the files that it names.
    package func register(in routes: inout Routes) {
        let files = Dictionary(uniqueKeysWithValues: ConsolePage.files.map { ($0.path, ($0, Self.tag(of: $0.bytes))) })
        let answer: Routes.Handler = { request in
            guard let (file, tag) = files[request.path] else {
                throw HTTPError(.notFound, "the console has no file \(request.path)")
            }
            var headers = Self.headers
            headers.append("ETag", tag)
            if Self.matches(request.headers.values(of: "If-None-Match"), tag) {
                return HTTPResponse(status: HTTPStatus(304), headers: headers)
            }
            headers.append("Content-Type", file.contentType)
            return HTTPResponse(headers: headers, body: .bytes(file.bytes))
        }
        routes.on(.get, "/", access: .open, answer)
        routes.on(.get, "/console/{file}", access: .open, answer)
    }

    private static let headers: HTTPHeaders = [
        // Asked for again each time, and mostly answered with 304: a page of one release never runs with another's.
        "Cache-Control": "no-cache",
        "Content-Security-Policy": policy.joined(separator: "; "),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    ]

    /// Nothing but these files and the routes of this listener. Names and messages that the page shows come from users:
    /// with trusted types a browser refuses to read text as markup even where the page would by mistake.
    private static let policy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
        "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]

    /// The tag of a content: FNV-1a of 64 bits. Weak, since the same file is also sent compressed.
    private static func tag(of bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return "W/\"\(String(hash, radix: 16))\""
    }

    private static func matches(_ fields: [String], _ tag: String) -> Bool {
        fields.contains { field in
            field.split(separator: ",").contains { candidate in
                let candidate = candidate.drop { $0 == " " || $0 == "\t" }
                return candidate == "*" || candidate.hasPrefix(tag) || candidate.hasPrefix(tag.dropFirst(2))
            }
        }
    }
}
