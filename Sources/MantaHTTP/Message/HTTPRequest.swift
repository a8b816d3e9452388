public import MantaTime

/// A request whose body has arrived.
///
/// An object, since it is handed from one asynchronous function to the next, each of which would keep a copy.
public final class HTTPRequest: Sendable {
    /// The parts of the path that the route names, percent-decoded.
    public let parameters: PathParameters
    /// The body, whole and inflated.
    public let body: [UInt8]
    /// The client's `X-Request-Id` if it is fit to be logged, else a new one.
    public let id: String
    /// When the headers had arrived.
    public let receivedAt: Instant
    /// The client's address, without the port.
    public let remoteAddress: String
    /// The name of the token that the request carried; `nil` if the listener asks for none or the route is open.
    public let principal: String?
    private let head: RequestHead

    /// The method; HEAD comes as it is to the route of GET.
    public var method: HTTPMethod { head.method }
    /// The path as sent, without the query.
    public var path: String { String(head.path) }
    /// The header fields.
    public var headers: HTTPHeaders { head.headers }

    init(
        head: RequestHead, parameters: PathParameters, body: [UInt8], id: String, receivedAt: Instant,
        remoteAddress: String, principal: String?
    ) {
        self.head = head
        (self.parameters, self.body, self.id, self.receivedAt) = (parameters, body, id, receivedAt)
        (self.remoteAddress, self.principal) = (remoteAddress, principal)
    }

    /// The value of the first query parameter of this name, percent-decoded; empty if it has none.
    ///
    /// `+` stands for itself. `nil` also if an escape in the value is broken.
    public func query(_ name: String) -> String? {
        for pair in head.query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard PercentEncoding.decode(parts[0]) == name else { continue }
            return parts.count == 2 ? PercentEncoding.decode(parts[1]) : ""
        }
        return nil
    }
}

/// The parts of a path that a route names.
public struct PathParameters: Sendable {
    private let names: [String]
    private let values: [String]

    init(names: [String], values: [String]) {
        (self.names, self.values) = (names, values)
    }

    /// The part that the route calls `name`.
    public subscript(name: String) -> String? {
        names.firstIndex(of: name).map { values[$0] }
    }
}
