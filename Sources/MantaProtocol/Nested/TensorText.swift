package import MantaCore

/// The elements of a tensor as text, for people and tools.
package enum TensorText {
    /// The elements as JSON has them, with commas between them: `0.5,-3` or `"cat","dog"`.
    ///
    /// BYTES of which one isn't UTF-8 are `{"b64":"…"}`.
    package static func elements(of tensor: NamedTensor) -> String {
        // Nothing is refused in this form but bytes that are no tensor.
        guard let text = try? ElementText(tensor, binary: .ifNeeded) else { return "" }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: text.elementCapacity) { target, count in
            var writer = unsafe ByteWriter(target)
            text.write(0..<tensor.tensor.elementCount, to: &writer)
            count = writer.count
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
