package import MantaHTTP
package import MantaRuntime

/// Gives other nodes the objects that this one has: `GET /v2/objects/<sha-256>` with a `Range` of bytes.
package struct ObjectRoutes: Sendable {
    /// The most bytes of one reply: a few ranges of those that objects are fetched in.
    private static let maxBytes = 16 << 20

    private let store: ObjectStore
    private let tokens: TokenSet?

    /// Routes to a node's objects.
    ///
    /// - Parameters:
    ///   - store: Where they are.
    ///   - tokens: What other nodes show; `nil` if whoever reaches this node may read them.
    package init(_ store: ObjectStore, tokens: TokenSet?) {
        (self.store, self.tokens) = (store, tokens)
    }

    /// Adds the route.
    package func register(in routes: inout Routes) {
        // Clients of the listener, who may have tokens of their own, aren't nodes.
        routes.on(.get, "/v2/objects/{object}", access: .open) { [store, tokens] request in
            if let tokens { _ = try BearerToken.principal(of: request.headers["Authorization"], among: tokens) }
            guard let id = ObjectID(request.parameters["object"] ?? "") else {
                throw HTTPError(.badRequest, "expected the name of an object, 64 hexadecimal digits")
            }
            guard let range = Self.range(request.headers["Range"]), range.count <= Self.maxBytes else {
                throw HTTPError(.badRequest, "Range: expected bytes=first-last, at most \(Self.maxBytes) bytes")
            }
            do throws(ObjectError) {
                let bytes = try await store.read(id, range)
                return HTTPResponse(
                    status: HTTPStatus(206), headers: ["Content-Type": "application/octet-stream"], body: .bytes(bytes))
            } catch {
                throw HTTPError(error.code == .missing ? .notFound : .internalServerError, error.message)
            }
        }
    }

    /// The bytes that a `Range` names (RFC 9110, section 14.1.2), one range of both ends.
    private static func range(_ field: String?) -> Range<Int>? {
        guard let field, let match = field.wholeMatch(of: /bytes=([0-9]{1,18})-([0-9]{1,18})/),
            let first = Int(match.1), let last = Int(match.2), first <= last
        else { return nil }
        return first..<last + 1
    }
}
