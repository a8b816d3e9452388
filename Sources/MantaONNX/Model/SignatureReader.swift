internal import CONNXRuntime
internal import MantaCore

/// Reads a session's inputs and outputs.
struct SignatureReader {
    /// What is read.
    enum Kind: String {
        case input, optionalInput = "optional input", output
    }

    let session: Session

    /// The signature, with the names as the runtime wants to see them again.
    ///
    /// Inputs with a default (initializers that the graph also lists as inputs) come after the others, as optional.
    func read() throws(RuntimeFailure) -> (signature: ModelSignature, inputs: CStrings, outputs: CStrings) {
        let (inputs, inputNames) = try unsafe ports(
            .input, api.pointee.SessionGetInputCount, api.pointee.SessionGetInputName,
            api.pointee.SessionGetInputTypeInfo)
        let (defaults, defaultNames) = try unsafe ports(
            .optionalInput, api.pointee.SessionGetOverridableInitializerCount,
            api.pointee.SessionGetOverridableInitializerName, api.pointee.SessionGetOverridableInitializerTypeInfo)
        let (outputs, outputNames) = try unsafe ports(
            .output, api.pointee.SessionGetOutputCount, api.pointee.SessionGetOutputName,
            api.pointee.SessionGetOutputTypeInfo)
        return (
            ModelSignature(inputs: inputs + defaults, outputs: outputs), CStrings(inputNames + defaultNames),
            CStrings(outputNames)
        )
    }

    private typealias Count = @convention(c) (OpaquePointer?, UnsafeMutablePointer<Int>?) -> OpaquePointer?
    private typealias Name =
        @convention(c) (
            OpaquePointer?, Int, UnsafeMutablePointer<OrtAllocator>?,
            UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        ) -> OpaquePointer?
    private typealias TypeOf =
        @convention(c) (OpaquePointer?, Int, UnsafeMutablePointer<OpaquePointer?>?) ->
        OpaquePointer?

    private var runtime: Runtime { session.runtime }
    private var api: UnsafePointer<OrtApi> { unsafe session.runtime.api }

    private func ports(
        _ kind: Kind, _ count: Count, _ name: Name, _ type: TypeOf
    ) throws(RuntimeFailure) -> ([TensorSpec], [[CChar]]) {
        var number = 0
        try unsafe runtime.check(count(session.raw, &number))
        var specs: [TensorSpec] = []
        var names: [[CChar]] = []
        for index in 0..<number {
            var text: UnsafeMutablePointer<CChar>?
            try unsafe runtime.check(name(session.raw, index, runtime.allocator, &text))
            guard let text = unsafe text else { throw RuntimeFailure("\(kind.rawValue) \(index) has no name") }
            defer { unsafe runtime.allocator.pointee.Free(runtime.allocator, text) }
            var info: OpaquePointer?
            try unsafe runtime.check(type(session.raw, index, &info))
            defer { unsafe api.pointee.ReleaseTypeInfo(info) }
            do throws(RuntimeFailure) {
                try specs.append(unsafe spec(String(cString: text), kind, info))
                names.append(unsafe copy(text))
            } catch {
                // A default that no request can replace still works as the default.
                guard kind == .optionalInput else { throw error }
            }
        }
        return (specs, names)
    }

    private func spec(_ name: String, _ kind: Kind, _ info: OpaquePointer?) throws(RuntimeFailure) -> TensorSpec {
        let subject = "\(kind.rawValue) \"\(name)\""
        var type = ONNX_TYPE_UNKNOWN
        try unsafe runtime.check(api.pointee.GetOnnxTypeFromTypeInfo(info, &type))
        guard type == ONNX_TYPE_TENSOR else {
            throw try unsafe RuntimeFailure("\(subject) is \(words(for: type, info))")
        }
        var tensor: OpaquePointer?
        try unsafe runtime.check(api.pointee.CastTypeInfoToTensorInfo(info, &tensor))
        guard let tensor = unsafe tensor else { throw RuntimeFailure("\(subject) is of an unknown type") }
        var element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED
        try unsafe runtime.check(api.pointee.GetTensorElementType(tensor, &element))
        guard let dataType = DataType(element) else {
            throw RuntimeFailure("\(subject) has the element type \(element.unsupportedName), which can't be served")
        }
        guard unsafe runtime.knowsShape(of: tensor) else {
            return .ofAnyShape(name, dataType, isOptional: kind == .optionalInput)
        }
        var rank = 0
        try unsafe runtime.check(api.pointee.GetDimensionsCount(tensor, &rank))
        var sizes = [Int64](repeating: -1, count: rank)
        try unsafe runtime.check(api.pointee.GetDimensions(tensor, &sizes, rank))
        var symbols = unsafe [UnsafePointer<CChar>?](repeating: nil, count: rank)
        try unsafe runtime.check(api.pointee.GetSymbolicDimensions(tensor, &symbols, rank))
        return unsafe TensorSpec(
            name, dataType, Shape(sizes.map { $0 < 0 ? -1 : Int($0) }),
            symbols: symbols.map { symbol in
                let text = unsafe symbol.map { unsafe String(cString: $0) } ?? ""
                return text.isEmpty ? nil : text
            },
            isOptional: kind == .optionalInput)
    }

    /// What is no tensor, in words, with a way out where there is one.
    private func words(for type: ONNXType, _ info: OpaquePointer?) throws(RuntimeFailure) -> String {
        switch type {
        case ONNX_TYPE_SEQUENCE:
            guard try unsafe isSequenceOfMaps(info) else { return "a sequence; only tensors can be served" }
            return "a sequence of maps (ZipMap); export the model with zipmap=False"
        case ONNX_TYPE_MAP: return "a map; only tensors can be served"
        case ONNX_TYPE_SPARSETENSOR: return "a sparse tensor; only dense tensors can be served"
        case ONNX_TYPE_OPTIONAL: return "of an optional type; only tensors can be served"
        default: return "of a kind unknown here; only tensors can be served"
        }
    }

    private func isSequenceOfMaps(_ info: OpaquePointer?) throws(RuntimeFailure) -> Bool {
        var sequence: OpaquePointer?
        try unsafe runtime.check(api.pointee.CastTypeInfoToSequenceTypeInfo(info, &sequence))
        guard let sequence = unsafe sequence else { return false }
        var element: OpaquePointer?
        try unsafe runtime.check(api.pointee.GetSequenceElementType(sequence, &element))
        defer { unsafe api.pointee.ReleaseTypeInfo(element) }
        var type = ONNX_TYPE_UNKNOWN
        try unsafe runtime.check(api.pointee.GetOnnxTypeFromTypeInfo(element, &type))
        return type == ONNX_TYPE_MAP
    }

    /// The name's bytes with the zero at the end, whatever their encoding.
    private func copy(_ text: UnsafePointer<CChar>) -> [CChar] {
        var copy: [CChar] = []
        var next = unsafe text
        while unsafe next.pointee != 0 {
            unsafe copy.append(next.pointee)
            unsafe next += 1
        }
        return copy + [0]
    }
}
