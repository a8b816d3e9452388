import CZlib

/// The codings of bodies that this module knows: gzip (RFC 1952) and deflate (zlib's format, RFC 1950).
package enum ContentCoding: String, Sendable {
    case gzip, deflate

    /// zlib's word for the format: 15 bits of window, 16 more for gzip.
    private var windowBits: Int32 { self == .gzip ? 31 : 15 }

    /// The coding of a request's body; `nil` for none.
    ///
    /// - Throws: ``HTTPError`` 415 for one that isn't known, or more than one.
    static func ofRequest(_ headers: HTTPHeaders) throws(HTTPError) -> ContentCoding? {
        guard headers["Content-Encoding"] != nil else { return nil }
        let values = headers.values(of: "Content-Encoding")
        guard let value = values.first?.lowercased(), value != "identity", !value.isEmpty else { return nil }
        let name = value == "x-gzip" ? "gzip" : value
        guard values.count == 1, let coding = ContentCoding(rawValue: name) else {
            throw HTTPError(
                .unsupportedMediaType,
                "Content-Encoding \"\(values.joined(separator: ", "))\": expected gzip or deflate",
                headers: ["Accept-Encoding": "gzip, deflate"])
        }
        return coding
    }

    /// The coding that the client likes best for the reply; `nil` for none. The first wins among equals.
    static func accepted(_ header: String?) -> ContentCoding? {
        guard let header else { return nil }
        var best: (coding: ContentCoding?, weight: Double) = (nil, 0)
        for part in header.split(separator: ",") {
            let fields = part.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
            guard let name = fields.first?.lowercased() else { continue }
            let quality = fields.dropFirst().first { $0.hasPrefix("q=") || $0.hasPrefix("Q=") }
            let weight = quality.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            let coding = ContentCoding(rawValue: name)
            guard coding != nil || name == "identity", weight > best.weight else { continue }
            best = (coding, weight)
        }
        return best.coding
    }

    /// The inflated bytes.
    ///
    /// - Throws: ``HTTPError`` 413 as soon as they are more than `limit`, 400 if the stream is broken or goes on after
    ///   its end.
    package func inflate(_ bytes: [UInt8], limit: Int) throws(HTTPError) -> [UInt8] {
        var stream = unsafe z_stream()
        guard unsafe inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw HTTPError(.internalServerError, "no memory to inflate the body")
        }
        defer { unsafe inflateEnd(&stream) }
        var inflated: [UInt8] = []
        inflated.reserveCapacity(min(limit, bytes.count * 4))
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        var offset = 0
        while true {
            let (status, consumed, produced) = unsafe bytes.withUnsafeBufferPointer { source in
                unsafe chunk.withUnsafeMutableBufferPointer { target in
                    // zlib doesn't write to its input, but its type says so.
                    unsafe stream.next_in = UnsafeMutablePointer(
                        mutating: source.baseAddress.map { unsafe $0 + offset })
                    unsafe stream.avail_in = UInt32(source.count - offset)
                    unsafe stream.next_out = target.baseAddress
                    unsafe stream.avail_out = UInt32(target.count)
                    let status = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
                    return unsafe (
                        status, source.count - offset - Int(stream.avail_in), target.count - Int(stream.avail_out)
                    )
                }
            }
            offset += consumed
            guard inflated.count + produced <= limit else {
                throw HTTPError(.contentTooLarge, "the inflated body is larger than \(limit) bytes")
            }
            inflated.append(contentsOf: chunk[..<produced])
            if status == Z_STREAM_END { break }
            guard status == Z_OK, consumed > 0 || produced > 0 else {
                throw HTTPError(.badRequest, "the body isn't \(rawValue), or not all of it is there")
            }
        }
        guard offset == bytes.count else {
            throw HTTPError(.badRequest, "the body goes on after the end of its \(rawValue) stream")
        }
        return inflated
    }

    /// The deflated bytes; `nil` if zlib has no memory.
    package func deflate(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = unsafe z_stream()
        // Level 1: a reply should leave soon, and numbers in text shrink well at any level.
        let status = unsafe deflateInit2_(
            &stream, 1, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { return nil }
        defer { unsafe deflateEnd(&stream) }
        let bound = Int(unsafe deflateBound(&stream, UInt(bytes.count)))
        var result = [UInt8](repeating: 0, count: bound)
        let (end, count) = unsafe bytes.withUnsafeBufferPointer { source in
            unsafe result.withUnsafeMutableBufferPointer { target in
                unsafe stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                unsafe stream.avail_in = UInt32(source.count)
                unsafe stream.next_out = target.baseAddress
                unsafe stream.avail_out = UInt32(target.count)
                let status = unsafe CZlib.deflate(&stream, Z_FINISH)
                return unsafe (status, target.count - Int(stream.avail_out))
            }
        }
        guard end == Z_STREAM_END else { return nil }
        result.removeLast(result.count - count)
        return result
    }
}
