import MantaCore
import MantaWire
import SwiftProtobuf

/// A `ModelInferRequest` whose raw contents are tensors' memory already: they are copied once, to where the engine
/// reads them.
struct InferMessage: Sendable {
    /// Everything but `raw_input_contents`.
    var head = Inference_ModelInferRequest()
    /// `raw_input_contents`.
    var raw: [TensorBuffer] = []
}

extension InferMessage {
    /// How many inputs, outputs and parameters a request may have in all. A few bytes of a message make hundreds in
    /// memory, so without a bound a message within its limit could take a hundred times that.
    static let maxFields = 16_384
    /// The field number of `raw_input_contents`.
    private static let rawField = 7

    /// Takes a message apart.
    ///
    /// - Throws: ``GRPCError`` with the code `invalidArgument` if it isn't one.
    init(reading bytes: [UInt8]) throws {
        self = try unsafe bytes.withUnsafeBytes { try unsafe InferMessage(reading: $0) }
    }

    /// Takes a message apart.
    ///
    /// - Throws: ``GRPCError`` with the code `invalidArgument` if it isn't one.
    init(reading bytes: UnsafeRawBufferPointer) throws(GRPCError) {
        var fields = unsafe WireFields(bytes)
        var rest: [UInt8] = []
        var count = 0
        while let field = try unsafe fields.next() {
            count += 1
            guard count <= Self.maxFields else {
                throw GRPCError(
                    .invalidArgument, "the request has more than \(Self.maxFields) inputs and parameters")
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
