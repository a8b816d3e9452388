import CNGHTTP2
import MantaTestKit

/// A client of HTTP/2 that sends just the frames that it is told to (RFC 9113). It blocks, so use it within
/// ``onThread(_:)``.
@safe final class HTTP2Client {
    /// A frame as it came.
    struct Frame {
        let type: UInt8
        let flags: UInt8
        let stream: Int32
        let payload: [UInt8]

        var endsStream: Bool { (type == 0 || type == 1) && flags & 1 != 0 }
    }

    /// What came on a stream.
    struct Reply: Sendable {
        /// Header fields and trailers.
        var fields: [String: String] = [:]
        var content: [UInt8] = []
        /// What the stream was reset with, if it was.
        var resetCode: UInt8?

        /// The status of the call.
        var status: Int? { fields["grpc-status"].flatMap { Int($0) } }
    }

    let socket: SocketClient
    private let inflater: OpaquePointer

    /// Connects, and takes replies of any size.
    init(port: Int) throws {
        socket = try SocketClient(port: port)
        var inflater: OpaquePointer?
        guard unsafe nghttp2_hd_inflate_new(&inflater) == 0, let inflater = unsafe inflater else {
            throw SocketClient.Failure("no inflater")
        }
        unsafe self.inflater = inflater
        try socket.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        try send(type: 4, stream: 0, [0, 4, 0x7F, 0, 0, 0])
        try send(type: 8, stream: 0, [0x70, 0, 0, 0])
        // What the server allows counts once it knows that we know.
        _ = try frame(ofType: 4)
        try send(type: 4, flags: 1, stream: 0, [])
    }

    deinit { unsafe nghttp2_hd_inflate_del(inflater) }

    // MARK: - Sending

    /// Sends a frame.
    func send(type: UInt8, flags: UInt8 = 0, stream: Int32, _ payload: [UInt8]) throws {
        try socket.send(Self.frame(type: type, flags: flags, stream: stream, payload))
    }

    /// A frame's bytes.
    static func frame(type: UInt8, flags: UInt8 = 0, stream: Int32, _ payload: [UInt8]) -> [UInt8] {
        bigEndian(payload.count, 3) + [type, flags] + bigEndian(Int(stream), 4) + payload
    }

    /// The frame that begins a call.
    static func headers(
        _ method: String, on stream: Int32, changing changes: [String: String] = [:], isLast: Bool = false
    ) -> [UInt8] {
        var fields = [
            ":method": "POST", ":scheme": "http", ":path": "/inference.GRPCInferenceService/\(method)",
            ":authority": "localhost", "te": "trailers", "content-type": "application/grpc",
        ]
        fields.merge(changes) { _, new in new }
        return frame(type: 1, flags: isLast ? 5 : 4, stream: stream, block(of: fields))
    }

    /// Header fields as they are sent; `isKept` has the other side remember them.
    static func block(of fields: [String: String], isKept: Bool = false) -> [UInt8] {
        var block: [UInt8] = []
        // HTTP/2's own come first.
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            // Literal, not in Huffman's code (RFC 7541, section 6.2).
            block += [isKept ? 0x40 : 0] + integer(name.utf8.count) + name.utf8 + integer(value.utf8.count) + value.utf8
        }
        return block
    }

    /// A frame with a part of messages.
    static func data(_ bytes: [UInt8], on stream: Int32, isLast: Bool = true) -> [UInt8] {
        frame(type: 0, flags: isLast ? 1 : 0, stream: stream, bytes)
    }

    /// A message with its prefix.
    static func message(_ bytes: [UInt8], isCompressed: Bool = false) -> [UInt8] {
        [isCompressed ? 1 : 0] + bigEndian(bytes.count, 4) + bytes
    }

    /// Makes a call and waits for its end.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - content: Messages with their prefixes.
    ///   - stream: The stream's number, larger than those before.
    ///   - changes: Header fields of its own.
    /// - Returns: What came.
    /// - Throws: If the connection ends before.
    func call(
        _ method: String, _ content: [UInt8], on stream: Int32, changing changes: [String: String] = [:]
    ) throws -> Reply {
        try socket.send(Self.headers(method, on: stream, changing: changes) + Self.data(content, on: stream))
        return try reply(on: stream)
    }

    private static func bigEndian(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
    }

    /// A number with a prefix of seven bits (RFC 7541, section 5.1).
    private static func integer(_ value: Int) -> [UInt8] {
        guard value >= 127 else { return [UInt8(value)] }
        var (bytes, rest) = ([127 as UInt8], value - 127)
        while rest >= 128 {
            bytes.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        return bytes + [UInt8(rest)]
    }

    // MARK: - Receiving

    /// The next frame.
    func frame() throws -> Frame {
        let head = try socket.bytes(9)
        let payload = try socket.bytes(Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2]))
        let stream = head[5...].reduce(Int32(0)) { $0 << 8 | Int32($1) }
        return Frame(type: head[3], flags: head[4], stream: stream, payload: payload)
    }

    /// The next frame of a type.
    func frame(ofType type: UInt8) throws -> Frame {
        while true {
            let frame = try frame()
            if frame.type == type { return frame }
        }
    }

    /// Reads until a stream ends, or is reset after that if its reset is waited for too.
    ///
    /// - Throws: If the connection ends before.
    func reply(on stream: Int32, isReset: Bool = false) throws -> Reply {
        var reply = try replies(on: [stream])[0]
        if isReset, reply.resetCode == nil { reply.resetCode = try frame(ofType: 3).payload.last }
        return reply
    }

    /// Reads until all of these streams have ended.
    ///
    /// - Returns: What came on each, in their order.
    /// - Throws: If the connection ends before.
    func replies(on streams: [Int32]) throws -> [Reply] {
        var (replies, open) = ([Int32: Reply](), Set(streams))
        while !open.isEmpty {
            let frame = try frame()
            let fields = frame.type == 1 ? try fields(of: frame) : []
            guard open.contains(frame.stream) else { continue }
            for (name, value) in fields { replies[frame.stream, default: Reply()].fields[name] = value }
            switch frame.type {
            case 0: replies[frame.stream, default: Reply()].content += frame.payload
            case 3: replies[frame.stream, default: Reply()].resetCode = frame.payload.last
            default: break
            }
            if frame.endsStream || frame.type == 3 { open.remove(frame.stream) }
        }
        return streams.map { replies[$0] ?? Reply() }
    }

    private func fields(of frame: Frame) throws -> [(String, String)] {
        var (fields, rest) = ([(String, String)](), frame.payload)
        while true {
            var (field, flags) = unsafe (nghttp2_nv(), Int32(0))
            let count = unsafe nghttp2_hd_inflate_hd2(inflater, &field, &flags, rest, rest.count, 1)
            guard count >= 0 else { throw SocketClient.Failure("not header fields") }
            rest.removeFirst(count)
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                fields.append(
                    unsafe (
                        String(decoding: UnsafeBufferPointer(start: field.name, count: field.namelen), as: UTF8.self),
                        String(decoding: UnsafeBufferPointer(start: field.value, count: field.valuelen), as: UTF8.self)
                    ))
            }
            if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 { break }
        }
        unsafe nghttp2_hd_inflate_end_headers(inflater)
        return fields
    }
}
