import GRPCCore
import MantaCore
import MantaWire
import SwiftProtobuf

/// A `ModelInferRequest` whose raw contents are tensors' memory already: they are copied once, from the transport's
/// memory to where the engine reads them.
struct InferMessage: Sendable {
    /// Everything but `raw_input_contents`.
    var head = Inference_ModelInferRequest()
    /// `raw_input_contents`.
    var raw: [TensorBuffer] = []
}

/// Reads one from the transport's memory.
struct InferMessageDeserializer: MessageDeserializer {
    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> InferMessage {
        try unsafe bytes.withUnsafeBytes { try unsafe InferMessage(reading: $0) }
    }
}

extension InferMessage {
    /// How many inputs, outputs and parameters a request may have in all. A few bytes of a message make hundreds in
    /// memory, so without a bound a message within its limit could take a hundred times that.
    static let maxFields = 16_384
    /// The field number of `raw_input_contents`.
    private static let rawField = 7

    /// Takes a message apart.
    ///
    /// - Throws: ``RPCError`` with the code `invalidArgument` if it isn't one.
    init(reading bytes: UnsafeRawBufferPointer) throws(RPCError) {
        var fields = unsafe WireFields(bytes)
        var rest: [UInt8] = []
        var count = 0
        while let field = try unsafe fields.next() {
            count += 1
            guard count <= Self.maxFields else {
                throw RPCError(
                    code: .invalidArgument, message: "the request has more than \(Self.maxFields) inputs and parameters"
                )
            }
            if field.number == Self.rawField, let content = unsafe field.content {
                raw.append(unsafe TensorBuffer(byteCount: content.count) { unsafe $0.copyMemory(from: content) })
            } else {
                unsafe rest.append(contentsOf: field.bytes)
            }
        }
        do {
            head = try Inference_ModelInferRequest(serializedBytes: rest)
        } catch {
            throw WireFields.malformed
        }
    }
}
