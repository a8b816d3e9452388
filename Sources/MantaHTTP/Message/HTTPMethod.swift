/// The method of a request.
public struct HTTPMethod: RawRepresentable, Hashable, Sendable {
    /// As on the wire.
    public let rawValue: String

    /// A method of this name.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// Reads.
    public static let get = HTTPMethod(rawValue: "GET")
    /// Reads the headers only. Answered by the route of ``get``.
    public static let head = HTTPMethod(rawValue: "HEAD")
    /// Asks what is possible.
    static let options = HTTPMethod(rawValue: "OPTIONS")
    /// Asks for the request itself.
    static let trace = HTTPMethod(rawValue: "TRACE")
    /// Does something.
    public static let post = HTTPMethod(rawValue: "POST")
    /// Replaces.
    public static let put = HTTPMethod(rawValue: "PUT")
    /// Removes.
    public static let delete = HTTPMethod(rawValue: "DELETE")
}
