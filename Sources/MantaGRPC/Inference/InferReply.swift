import MantaCore
import MantaWire
import SwiftProtobuf

/// A `ModelInferResponse` whose raw contents are still tensors: they are copied once, to the message.
struct InferReply: Sendable {
    /// Everything but `raw_output_contents`.
    var head = Inference_ModelInferResponse()
    /// `raw_output_contents`, one for each output; `nil` for one that isn't in the reply.
    var raw: [Tensor?] = []

    /// The reply to a request. Outputs are always raw, as with Triton; one that is in shared memory has empty contents,
    /// since clients count them.
    init(_ response: InferenceResponse) {
        head.modelName = response.model.name
        head.modelVersion = String(response.model.version)
        if let id = response.id { head.id = id }
        for output in response.outputs {
            var tensor = Inference_ModelInferResponse.InferOutputTensor()
            tensor.name = output.name
            tensor.datatype = output.tensor.dataType.rawValue
            tensor.shape = output.tensor.shape.dimensions.map(Int64.init)
            if let slice = output.slice {
                tensor.parameters["shared_memory_region"] = .with { $0.stringParam = slice.region }
                tensor.parameters["shared_memory_byte_size"] = .with { $0.int64Param = Int64(slice.byteCount) }
                if slice.offset > 0 {
                    tensor.parameters["shared_memory_offset"] = .with { $0.int64Param = Int64(slice.offset) }
                }
            }
            head.outputs.append(tensor)
            raw.append(output.slice == nil ? output.tensor : nil)
        }
    }
}

/// One message of a stream's replies.
enum StreamReply: Sendable {
    case reply(InferReply)
    case error(String)
}

extension MessageFrame {
    /// The reply of a call with one message.
    init(reply: InferReply) throws { self = try WireWriter.write(try reply.encoding, tag: nil) }

    /// A message of a stream: a `ModelStreamInferResponse`.
    init(streamed reply: StreamReply) throws {
        switch reply {
        case .error(let message):
            try self.init(Inference_ModelStreamInferResponse.with { $0.errorMessage = message })
        case .reply(let reply):
            // Field 2, `infer_response`.
            self = try WireWriter.write(try reply.encoding, tag: 0x12)
        }
    }
}

extension InferReply {
    /// A reply, as far as it is written already.
    fileprivate struct Encoding {
        let head: [UInt8]
        let raw: [Tensor?]
        let byteCount: Int
    }

    fileprivate var encoding: Encoding {
        get throws {
            let head: [UInt8] = try head.serializedBytes()
            let byteCount = raw.reduce(head.count) { sum, tensor in
                let size = tensor?.byteCount ?? 0
                return sum + 1 + WireWriter.varintSize(size) + size
            }
            return Encoding(head: head, raw: raw, byteCount: byteCount)
        }
    }
}

/// Writes replies straight into the message.
private enum WireWriter {
    /// The largest message that protobuf's implementations take.
    private static let maxBytes = Int(Int32.max)
    /// The key of field 6, `raw_output_contents`.
    private static let rawTag: UInt8 = 0x32

    /// Writes a reply.
    ///
    /// - Parameters:
    ///   - reply: The reply.
    ///   - tag: The key of the field that it is in a message around it; `nil` if there is none.
    /// - Returns: The message.
    /// - Throws: ``GRPCError`` if it has more bytes than a message may have.
    static func write(_ reply: InferReply.Encoding, tag: UInt8?) throws(GRPCError) -> MessageFrame {
        let size = reply.byteCount + (tag == nil ? 0 : 1 + varintSize(reply.byteCount))
        guard size <= maxBytes else {
            throw GRPCError(
                .resourceExhausted, "the reply has \(size) bytes; gRPC's messages have \(maxBytes) at most")
        }
        return unsafe MessageFrame(byteCount: size) { target in
            var offset = 0
            func put(_ byte: UInt8) {
                unsafe target[offset] = byte
                offset += 1
            }
            func put(varint value: Int) {
                var rest = UInt(value)
                while rest >= 0x80 {
                    put(UInt8(truncatingIfNeeded: rest) | 0x80)
                    rest >>= 7
                }
                put(UInt8(rest))
            }
            func put(_ source: UnsafeRawBufferPointer) {
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset...]).copyMemory(from: source)
                offset += source.count
            }
            if let tag {
                put(tag)
                put(varint: reply.byteCount)
            }
            unsafe reply.head.withUnsafeBytes { unsafe put($0) }
            for tensor in reply.raw {
                put(rawTag)
                put(varint: tensor?.byteCount ?? 0)
                unsafe tensor?.withUnsafeBytes { unsafe put($0) }
            }
        }
    }

    /// How many bytes a number takes.
    static func varintSize(_ value: Int) -> Int { max(1, (Int.bitWidth - value.leadingZeroBitCount + 6) / 7) }
}
