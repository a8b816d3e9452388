import MantaHTTP
import SwiftProtobuf

/// A message as it came: its own bytes, and whether they are compressed.
struct ReceivedMessage: Sendable {
    var bytes: [UInt8]
    let isCompressed: Bool

    /// What it is counted as while it waits, in bytes: with what it takes beside its own.
    var heldBytes: Int { 64 + bytes.count }

    /// Its bytes, inflated if they are compressed.
    ///
    /// - Throws: ``GRPCError`` if that can't be, or there are more than `limit`.
    func inflated(_ coding: ContentCoding?, limit: Int) throws(GRPCError) -> [UInt8] {
        guard isCompressed else { return bytes }
        guard let coding else {
            throw GRPCError(.internalError, "a message is compressed, but grpc-encoding doesn't say how")
        }
        do {
            return try coding.inflate(bytes, limit: limit)
        } catch {
            if error.status == .contentTooLarge {
                throw GRPCError(.resourceExhausted, "the inflated message is larger than \(limit) bytes")
            }
            throw GRPCError(.internalError, "a message isn't \(coding.rawValue), or not all of it is there")
        }
    }
}

/// A message as it is sent: its prefix, and its own bytes.
struct MessageFrame: Sendable {
    private(set) var bytes: [UInt8]

    /// A message of so many bytes, which `body` writes.
    init(byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        bytes = try unsafe [UInt8](unsafeUninitializedCapacity: MessagePrefix.byteCount + byteCount) { memory, count in
            let all = UnsafeMutableRawBufferPointer(memory)
            unsafe MessagePrefix.write(byteCount, to: all)
            try unsafe body(UnsafeMutableRawBufferPointer(rebasing: all[MessagePrefix.byteCount...]))
            count = all.count
        }
    }

    /// A message of protobuf's.
    init(_ message: some Message) throws {
        let content: [UInt8] = try message.serializedBytes()
        unsafe self.init(byteCount: content.count) { unsafe $0.copyBytes(from: content) }
    }

    /// The same message, compressed; as it is if that makes it larger.
    func compressed(_ coding: ContentCoding) -> MessageFrame {
        let content = Array(bytes[MessagePrefix.byteCount...])
        guard let deflated = coding.deflate(content), deflated.count < content.count else { return self }
        var frame = unsafe MessageFrame(byteCount: deflated.count) { unsafe $0.copyBytes(from: deflated) }
        frame.bytes[0] = 1
        return frame
    }
}

/// What stands before each message in a stream: a byte that says whether it is compressed, and its length in four
/// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message").
private enum MessagePrefix {
    static let byteCount = 5

    /// That of a message that isn't compressed.
    static func write(_ length: Int, to memory: UnsafeMutableRawBufferPointer) {
        unsafe memory[0] = 0
        unsafe memory.storeBytes(of: UInt32(length).bigEndian, toByteOffset: 1, as: UInt32.self)
    }
}

/// Puts messages together of a stream's bytes, in whatever pieces these come.
struct MessageAssembler {
    /// How large a message may be.
    private let limit: Int
    /// How much of a message's prefix is there, and what it has told so far.
    private var prefix = 0
    private var length = 0
    private var isCompressed = false
    private var bytes: [UInt8] = []

    /// The beginning of a stream whose messages may have this many bytes.
    init(limit: Int) {
        self.limit = limit
    }

    /// Whether nothing is there of a message but its beginning.
    var isWithinMessage: Bool { prefix > 0 }

    /// Takes what has come.
    ///
    /// - Parameters:
    ///   - piece: The bytes.
    ///   - emit: Gets each message that is whole now.
    /// - Throws: ``GRPCError`` if a message is too large, as soon as it says so, or isn't one.
    mutating func append(
        _ piece: UnsafeRawBufferPointer, _ emit: (ReceivedMessage) -> Void
    ) throws(GRPCError) {
        var offset = 0
        while offset < piece.count {
            if prefix < MessagePrefix.byteCount {
                let byte = unsafe piece[offset]
                offset += 1
                if prefix == 0 {
                    guard byte <= 1 else {
                        throw GRPCError(.internalError, "a message begins with \(byte): expected 0 or 1")
                    }
                    (isCompressed, length) = (byte != 0, 0)
                } else {
                    length = length << 8 | Int(byte)
                }
                prefix += 1
                guard prefix == MessagePrefix.byteCount else { continue }
                guard length <= limit else {
                    throw GRPCError(
                        .resourceExhausted, "the message has \(length) bytes, at most \(limit) are taken")
                }
                // Not all that is announced is reserved: a client might never send it.
                bytes.reserveCapacity(min(length, Self.reserved))
            }
            let count = min(length - bytes.count, piece.count - offset)
            unsafe bytes.append(contentsOf: piece[offset..<(offset + count)])
            offset += count
            if bytes.count == length {
                emit(ReceivedMessage(bytes: bytes, isCompressed: isCompressed))
                (prefix, bytes) = (0, [])
            }
        }
    }

    /// What is reserved for a message that has only begun, in bytes.
    private static let reserved = 1 << 20
}
