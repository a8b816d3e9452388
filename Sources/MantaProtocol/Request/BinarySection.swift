internal import MantaCore

/// The binary tensors behind the JSON of a request, taken one after the other.
///
/// They are copied: an engine gets aligned memory, and the body is free as soon as it is read.
@safe struct BinarySection {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    /// These bytes, which must outlive the section.
    @unsafe init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = bytes
    }

    /// The next tensor.
    mutating func tensor(
        _ dataType: DataType, _ shape: Shape, byteCount: Int, of place: @autoclosure () -> Place
    ) throws(ServingError) -> Tensor {
        if let fault = Tensor.fault(in: byteCount, of: dataType, shape, source: "binary_data_size is") {
            throw place().error(fault)
        }
        guard unsafe byteCount <= bytes.count - offset else {
            throw place().error(
                "binary_data_size is \(byteCount), but the body has \(unsafe bytes.count - offset) bytes left for it; the header "
                    + "Inference-Header-Content-Length says where they begin")
        }
        let own = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + byteCount])
        offset += byteCount
        if let fault = unsafe Tensor.fault(in: own, dataType, shape) { throw place().error(fault) }
        return unsafe Tensor(dataType, shape: shape, byteCount: byteCount) { unsafe $0.copyMemory(from: own) }
    }

    /// Checks that nothing is left.
    func finish() throws(ServingError) {
        guard unsafe offset == bytes.count else {
            throw ServingError(
                .invalidRequest,
                "\(unsafe bytes.count) bytes follow the JSON, but the inputs' binary_data_size add up to \(offset)")
        }
    }
}
