internal import MantaCore

/// A body that is nothing but the model's one input: `Inference-Header-Content-Length` is 0.
enum RawRequest {
    /// Reads a body without JSON.
    ///
    /// The first free size is the batch and is 1; another one follows from the body's size. A BYTES input is one element,
    /// the whole body, without the length that stands before elements elsewhere.
    static func read(
        _ body: UnsafeRawBufferPointer, signature: ModelSignature
    ) throws(ServingError) -> InferenceRequest {
        guard signature.inputs.count == 1, let input = signature.inputs.first else {
            throw ServingError(
                .invalidRequest,
                "header Inference-Header-Content-Length is 0, so the body is the model's one input; "
                    + "this model has \(signature.inputs.count)")
        }
        let place = Place.input(input.name, index: 0)
        guard !input.hasAnyShape else {
            throw place.error("a body without JSON can't tell the shape of an input that takes any; say it in JSON")
        }
        if input.dataType == .bytes {
            return InferenceRequest(inputs: [NamedTensor(input.name, try unsafe text(body, input, place))])
        }
        let shape = try shape(of: input, byteCount: body.count, place)
        var section = unsafe BinarySection(body)
        let tensor = try section.tensor(input.dataType, shape, byteCount: body.count, of: place)
        return InferenceRequest(inputs: [NamedTensor(input.name, tensor)])
    }

    private static func text(
        _ body: UnsafeRawBufferPointer, _ input: TensorSpec, _ place: Place
    ) throws(ServingError) -> Tensor {
        guard input.shape.dimensions.allSatisfy({ $0 == 1 || $0 == -1 }), let length = UInt32(exactly: body.count)
        else {
            throw place.error("a body without JSON is one BYTES element, but the model takes shape \(input.shape)")
        }
        let shape = Shape(input.shape.dimensions.map { _ in 1 })
        return unsafe Tensor(.bytes, shape: shape, byteCount: 4 + body.count) { target in
            unsafe target.storeBytes(of: length.littleEndian, as: UInt32.self)
            unsafe UnsafeMutableRawBufferPointer(rebasing: target[4...]).copyMemory(from: body)
        }
    }

    private static func shape(
        of input: TensorSpec, byteCount: Int, _ place: Place
    ) throws(ServingError) -> Shape {
        var sizes = input.shape.dimensions
        if sizes.first == -1 { sizes[0] = 1 }
        let free = sizes.indices.filter { sizes[$0] == -1 }
        guard free.count <= 1 else {
            throw place.error(
                "a body without JSON can't tell the \(free.count) free sizes of \(input.shape) apart; say the shape in JSON"
            )
        }
        let width = input.dataType.byteWidth ?? 1
        guard let index = free.first else {
            guard let count = Shape(sizes).elementCount, count == byteCount / width, byteCount % width == 0 else {
                throw misfit(input, sizes, byteCount, place)
            }
            return Shape(sizes)
        }
        sizes[index] = 1
        guard let count = Shape(sizes).elementCount, count > 0, count <= Int.max / width,
            byteCount % (count * width) == 0
        else {
            sizes[index] = -1
            throw misfit(input, sizes, byteCount, place)
        }
        sizes[index] = byteCount / (count * width)
        return Shape(sizes)
    }

    private static func misfit(
        _ input: TensorSpec, _ sizes: [Int], _ byteCount: Int, _ place: Place
    ) -> ServingError {
        place.error("the body's \(byteCount) bytes aren't \(input.dataType.rawValue) \(Shape(sizes))")
    }
}
