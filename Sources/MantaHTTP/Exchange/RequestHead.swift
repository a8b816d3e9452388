import CMantaHTTP

/// A request's line and header fields, and whether we take it.
///
/// An object, since the exchange, the request and the log all have it.
final class RequestHead: Sendable {
    let method: HTTPMethod
    let path: Substring
    let query: Substring
    let headers: HTTPHeaders
    let coding: ContentCoding?
    /// The length that the header fields announce; `nil` for a body in chunks or none.
    let contentLength: Int?

    /// Checks what libmicrohttpd lets pass.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - target: What follows it in the request's line.
    ///   - headers: The header fields.
    ///   - isHostRequired: False for HTTP/1.0, which has no `Host`.
    ///   - limits: What is too large.
    /// - Throws: ``HTTPError`` 400 for two ways to tell where the request ends, with which requests are smuggled past
    ///   proxies (RFC 9112, section 6.3); 413, 415 and 431 for what is too large or unknown.
    init(
        method: HTTPMethod, target: String, headers: HTTPHeaders, isHostRequired: Bool, limits: HTTPLimits
    ) throws(HTTPError) {
        guard !target.utf8.contains(UInt8(ascii: " ")) else {
            throw HTTPError(.badRequest, "the request's target has a space, expected %20")
        }
        self.method = method
        self.headers = headers
        let target = Self.originForm(target)
        let pathEnd = target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
        path = target[..<pathEnd]
        query = target[pathEnd...].dropFirst()
        guard target.utf8.count + headers.byteCount <= limits.headerBytes else {
            throw HTTPError(.headersTooLarge, "the header fields are larger than \(limits.headerBytes) bytes")
        }
        let hosts = headers.count(of: "Host")
        guard hosts <= 1 else { throw HTTPError(.badRequest, "more than one Host") }
        guard hosts == 1 || !isHostRequired else { throw HTTPError(.badRequest, "the request has no Host") }
        contentLength = try Self.contentLength(headers)
        if let contentLength, contentLength > limits.bodyBytes {
            throw HTTPError(
                .contentTooLarge, "the body has \(contentLength) bytes, at most \(limits.bodyBytes) are taken")
        }
        coding = try ContentCoding.ofRequest(headers)
    }

    /// The path and query of a target that may be a whole URL, as proxies send it (RFC 9112, section 3.2.2).
    private static func originForm(_ target: String) -> Substring {
        guard target.utf8.first != UInt8(ascii: "/"), let scheme = target.firstRange(of: "://") else {
            return target[...]
        }
        let rest = target[scheme.upperBound...]
        return rest.firstIndex(of: "/").map { rest[$0...] } ?? "/"
    }

    /// Whether the request says that it has a body, even an empty one.
    var announcesBody: Bool { contentLength != nil || headers["Transfer-Encoding"] != nil }

    private static func contentLength(_ headers: HTTPHeaders) throws(HTTPError) -> Int? {
        let (lengthCount, codingCount) = (headers.count(of: "Content-Length"), headers.count(of: "Transfer-Encoding"))
        if lengthCount > 0, codingCount > 0 {
            throw HTTPError(.badRequest, "Content-Length and Transfer-Encoding exclude each other")
        }
        if let coding = headers["Transfer-Encoding"], codingCount > 1 || coding.lowercased() != "chunked" {
            let codings = headers.values(of: "Transfer-Encoding").joined(separator: ", ")
            throw HTTPError(.badRequest, "Transfer-Encoding \"\(codings)\": expected chunked")
        }
        guard let first = headers["Content-Length"] else { return nil }
        if lengthCount > 1 {
            let lengths = headers.values(of: "Content-Length")
            guard lengths.allSatisfy({ $0 == first }) else {
                throw HTTPError(.badRequest, "two different Content-Length: \(lengths.joined(separator: ", "))")
            }
        }
        guard let length = Int(first), first.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw HTTPError(.badRequest, "Content-Length \"\(first)\": expected a number of bytes")
        }
        return length
    }
}

extension HTTPHeaders {
    /// The header fields of a request, in its order. To be called on the connection's thread.
    init(of connection: OpaquePointer) {
        self.init(minimumCapacity: 12)
        unsafe withUnsafeMutablePointer(to: &self) { fields in
            _ = unsafe MHD_get_connection_values(
                connection, .HEADER_KIND,
                { context, _, name, value in
                    guard let context = unsafe context, let name = unsafe name else { return .YES }
                    unsafe context.assumingMemoryBound(to: HTTPHeaders.self).pointee
                        .append(String(cString: name), value.map { unsafe String(cString: $0) } ?? "")
                    return .YES
                }, fields)
        }
    }
}
