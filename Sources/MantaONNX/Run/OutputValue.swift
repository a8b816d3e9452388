internal import CONNXRuntime
internal import MantaCore

/// One result of a run, which tensors refer to.
///
/// It keeps the session, whose memory the value may be part of: its arena, or a constant of the graph. Unchecked
/// Sendable: nobody writes to the value, and it may be released on any thread.
@safe final class OutputValue: @unchecked Sendable {
    private let session: Session
    private let raw: OpaquePointer
    /// The inputs of the run, if the value is one of them: a graph may hand an input through as it is.
    private var inputs: [Tensor] = []

    /// Owns a value that a run gave.
    init(taking value: OpaquePointer, session: Session) {
        unsafe raw = value
        self.session = session
    }

    deinit {
        unsafe session.runtime.api.pointee.ReleaseValue(raw)
    }

    /// The value as a tensor, called once with the inputs of the run. Fixed-width elements aren't copied.
    func tensor(inputs: [Tensor]) throws(RuntimeFailure) -> Tensor {
        let (dataType, shape) = try typeAndShape()
        guard let width = dataType.byteWidth else { return try strings(shape) }
        guard let count = shape.elementCount, count > 0 else {
            return unsafe Tensor(dataType, shape: shape, byteCount: 0) { _ in }
        }
        var start: UnsafeMutableRawPointer?
        try unsafe runtime.check(api.pointee.GetTensorMutableData(raw, &start))
        guard let start = unsafe start else { throw RuntimeFailure("an output has no memory") }
        for input in inputs where unsafe input.withUnsafeBytes({ unsafe $0.baseAddress == UnsafeRawPointer(start) }) {
            self.inputs.append(input)
        }
        let buffer = unsafe TensorBuffer(referringTo: start, byteCount: count * width, owner: self)
        return Tensor(dataType, shape: shape, buffer: buffer)
    }

    private var runtime: Runtime { session.runtime }
    private var api: UnsafePointer<OrtApi> { unsafe session.runtime.api }

    private func typeAndShape() throws(RuntimeFailure) -> (DataType, Shape) {
        var info: OpaquePointer?
        try unsafe runtime.check(api.pointee.GetTensorTypeAndShape(raw, &info))
        defer { unsafe api.pointee.ReleaseTensorTypeAndShapeInfo(info) }
        var element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED
        try unsafe runtime.check(api.pointee.GetTensorElementType(info, &element))
        guard let dataType = DataType(element) else {
            throw RuntimeFailure("an output has the element type \(element.unsupportedName), which can't be served")
        }
        var rank = 0
        try unsafe runtime.check(api.pointee.GetDimensionsCount(info, &rank))
        let sizes = try unsafe withUnsafeTemporaryAllocation(of: Int64.self, capacity: rank) {
            sizes throws(RuntimeFailure) in
            unsafe sizes.initialize(repeating: 0)
            try unsafe runtime.check(api.pointee.GetDimensions(info, sizes.baseAddress, rank))
            return unsafe sizes.map { Int($0) }
        }
        return (dataType, Shape(sizes))
    }

    /// Copies the texts, since the runtime keeps each as a C++ string.
    private func strings(_ shape: Shape) throws(RuntimeFailure) -> Tensor {
        let count = shape.elementCount ?? 0
        guard count > 0 else { return unsafe Tensor(.bytes, shape: shape, byteCount: 0) { _ in } }
        var size = 0
        try unsafe runtime.check(api.pointee.GetStringTensorDataLength(raw, &size))
        var text = [UInt8](repeating: 0, count: size)
        var offsets = [Int](repeating: 0, count: count)
        let status = unsafe text.withUnsafeMutableBytes { text in
            unsafe api.pointee.GetStringTensorContent(raw, text.baseAddress, text.count, &offsets, count)
        }
        try unsafe runtime.check(status)
        return unsafe Tensor(.bytes, shape: shape, byteCount: size + 4 * count) { target in
            var position = 0
            for index in 0..<count {
                let end = index + 1 < count ? offsets[index + 1] : size
                let element = text[offsets[index]..<end]
                unsafe target.storeBytes(
                    of: UInt32(element.count).littleEndian, toByteOffset: position, as: UInt32.self)
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[(position + 4)...]).copyBytes(from: element)
                position += 4 + element.count
            }
        }
    }
}
