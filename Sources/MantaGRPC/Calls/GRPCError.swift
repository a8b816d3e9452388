/// How a call ends (https://grpc.io/docs/guides/status-codes/).
enum GRPCStatus: Int, Sendable, Hashable {
    case ok, cancelled, unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists, permissionDenied
    case resourceExhausted, failedPrecondition, aborted, outOfRange, unimplemented, internalError, unavailable, dataLoss
    case unauthenticated

    /// The name by which it is known outside of Swift, such as `NOT_FOUND`.
    var name: String {
        if self == .internalError { return "INTERNAL" }
        return "\(self)".reduce(into: "") { name, letter in
            if letter.isUppercase { name += "_" }
            name += letter.uppercased()
        }
    }
}

/// Why a call ends otherwise than well, and what its client is told.
struct GRPCError: Error, Sendable {
    /// The status, which isn't ``GRPCStatus/ok``.
    var code: GRPCStatus
    /// What a person is told.
    var message: String
    /// What programs are told beside it.
    var trailers = CallMetadata()

    /// An error with nothing but a status and a message.
    init(_ code: GRPCStatus, _ message: String) {
        (self.code, self.message) = (code, message)
    }

    /// The message as a header field takes it: bytes that aren't visible ASCII, and percent signs, are escaped
    /// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Responses").
    var encodedMessage: String {
        func isPlain(_ byte: UInt8) -> Bool { (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "%") }
        if message.utf8.allSatisfy(isPlain) { return message }
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for byte in message.utf8 {
            if isPlain(byte) {
                encoded.append(byte)
            } else {
                encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
