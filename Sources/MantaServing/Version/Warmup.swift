import MantaCore

/// Runs a model on made-up inputs before the first request, so that no client pays for first-time work, and looks
/// whether its outputs follow the batch.
struct Warmup {
    let model: any LoadedModel
    let rowCounts: [Int]
    /// Inputs that somebody has chosen.
    var samples: [WarmupSample] = []
    /// What is filled up so that requests of different lengths can share a batch.
    var padding: PaddingPlan?

    /// Sizes to try for free dimensions other than the batch's: a sequence, a small picture, a usual picture.
    private static let freeSizes = [1, 8, 32, 224]
    /// The most elements of an input made up, so that an odd model can't take all memory.
    private static let maxElements = 64 << 20

    /// What the runs showed.
    struct Finding: Sendable, Equatable {
        /// Why requests must run alone, if an output was seen not to follow the batch.
        var obstacleToBatching: String?
        /// What went wrong with inputs that may have been unsuitable, for the log.
        var warning: String?
    }

    /// Runs the model.
    ///
    /// - Parameter plan: Whether batches are wanted.
    /// - Returns: What was found.
    /// - Throws: ``ServingError`` with code `modelUnavailable` if the model fails on a sample or, without samples, on inputs
    ///   that nothing is wrong with: of which every dimension is given by its signature, and whose elements are measures.
    /// - Note: Blocks its thread.
    func callAsFunction(plan: BatchPlan) throws(ServingError) -> Finding {
        let everyOutput = Array(model.signature.outputs.indices)
        let rows = plan.maxRows == 0 ? [1] : rowCounts + [2]
        var finding = Finding()
        for count in rows {
            switch outputs(rows: count, wanted: everyOutput) {
            case .success(let outputs):
                guard plan.maxRows > 0 else { continue }
                for (spec, tensor) in zip(model.signature.outputs, outputs) where tensor.rowCount != count {
                    finding.obstacleToBatching =
                        "output \"\(spec.name)\" had shape \(tensor.shape) for \(count) rows"
                }
            case .failure(let error) where mayBeUnsuitable || error.code == .unsupported:
                finding.warning = error.message
            case .failure(let error):
                throw ServingError(
                    .modelUnavailable, "warm-up with \(count) rows of made-up inputs failed: \(error.message)",
                    cause: error)
            }
        }
        if let padding { try check(padding) }
        for sample in samples { try run(sample, plan: plan) }
        return finding
    }

    private func run(_ sample: WarmupSample, plan: BatchPlan) throws(ServingError) {
        do throws(ServingError) {
            let inputs = try sample.tensors(for: model.signature, isBatched: plan.maxRows > 0)
            for _ in 0..<sample.count {
                _ = try model.run(inputs, outputs: Array(model.signature.outputs.indices))
            }
        } catch {
            throw ServingError(
                .modelUnavailable, "warm-up with sample \"\(sample.name)\" failed: \(error.message)", cause: error)
        }
    }

    private var hasFreeInnerDimensions: Bool {
        model.signature.inputs.contains(where: \.hasFreeInnerDimensions)
    }

    /// Whether inputs that are made up may be such as the model rightly refuses: sizes are guesses, and whole numbers and
    /// texts may be shapes, places or names that only some values are good for.
    private var mayBeUnsuitable: Bool {
        hasFreeInnerDimensions || !samples.isEmpty
            || model.signature.inputs.contains { spec in
                !spec.isOptional && ![.fp16, .bf16, .fp32, .fp64, .bool].contains(spec.dataType)
            }
    }

    private func outputs(rows: Int, wanted: [Int]) -> Result<[Tensor], ServingError> {
        var failure: ServingError?
        for freeSize in hasFreeInnerDimensions ? Self.freeSizes : [1] {
            // Ones suit most models: an index of one exists, a division by it works. Zeros are the second guess.
            for value in [1, 0] as [UInt8] {
                do throws(ServingError) {
                    let inputs = try model.signature.inputs.map { spec throws(ServingError) in
                        spec.isOptional ? nil : try sample(of: spec, rows: rows, freeSize: freeSize, value: value)
                    }
                    return .success(try model.run(inputs, outputs: wanted))
                } catch {
                    failure = failure ?? error
                }
            }
        }
        return .failure(failure ?? ServingError(.engineFailed, "no inputs could be made"))
    }

    private func sample(
        of spec: TensorSpec, rows: Int, freeSize: Int, value: UInt8, padded: (dimension: Int, length: Int)? = nil
    ) throws(ServingError) -> Tensor {
        let dimensions = spec.shape.dimensions.enumerated().map { index, size in
            if let padded, padded.dimension == index { return padded.length }
            return size != -1 ? size : index == 0 ? rows : freeSize
        }
        let shape = Shape(dimensions)
        guard let count = shape.elementCount, count <= Self.maxElements else {
            throw ServingError(.unsupported, "input \"\(spec.name)\" \(shape) is too large to be made up")
        }
        return switch spec.dataType {
        case .bool: Tensor(shape: shape, [Bool](repeating: value == 1, count: count))
        case .int8: Tensor(shape: shape, [Int8](repeating: Int8(value), count: count))
        case .uint8: Tensor(shape: shape, [UInt8](repeating: value, count: count))
        case .int16: Tensor(shape: shape, [Int16](repeating: Int16(value), count: count))
        case .uint16: Tensor(shape: shape, [UInt16](repeating: UInt16(value), count: count))
        case .int32: Tensor(shape: shape, [Int32](repeating: Int32(value), count: count))
        case .uint32: Tensor(shape: shape, [UInt32](repeating: UInt32(value), count: count))
        case .int64: Tensor(shape: shape, [Int64](repeating: Int64(value), count: count))
        case .uint64: Tensor(shape: shape, [UInt64](repeating: UInt64(value), count: count))
        case .fp32: Tensor(shape: shape, [Float](repeating: Float(value), count: count))
        case .fp64: Tensor(shape: shape, [Double](repeating: Double(value), count: count))
        // 1.0 as half and as bfloat16.
        case .fp16: halves(shape, value == 1 ? 0x3C00 : 0, .fp16)
        case .bf16: halves(shape, value == 1 ? 0x3F80 : 0, .bf16)
        case .bytes: Tensor(shape: shape, strings: [String](repeating: String(value), count: count))
        }
    }

    private func halves(_ shape: Shape, _ bits: UInt16, _ type: DataType) -> Tensor {
        let words = Tensor(shape: shape, [UInt16](repeating: bits, count: shape.elementCount ?? 0))
        return Tensor(type, shape: shape, buffer: words.buffer)
    }
}

// MARK: - Padding

extension Warmup {
    /// Runs the model with inputs of two lengths, and looks whether just those sizes of its outputs follow that are to be
    /// cut. Says nothing of a model that refuses inputs that are made up.
    private func check(_ padding: PaddingPlan) throws(ServingError) {
        let lengths = padding.sampleLengths
        let runs = lengths.compactMap { outputs(length: $0, padding) }
        guard runs.count == lengths.count else { return }
        for (index, spec) in model.signature.outputs.enumerated() {
            for (length, outputs) in zip(lengths, runs) {
                guard let fault = padding.fault(in: outputs[index], of: index, length: length) else { continue }
                throw .padding("output \"\(spec.name)\"", "padded_dimensions: \(fault)")
            }
            let shapes = runs.map(\.[index].shape)
            let sizes = zip(shapes[0].dimensions, shapes[1].dimensions)
            let others = sizes.enumerated().filter { !padding.following[index].contains($0.offset) }
            guard let other = others.first(where: { $0.element.0 != $0.element.1 }) else { continue }
            throw .padding(
                "output \"\(spec.name)\"",
                "it has shape \(shapes[0]) for inputs of length \(lengths[0]) and \(shapes[1]) for \(lengths[1]): "
                    + "dimension \(other.offset) follows the padded inputs, but isn't among \"padded_dimensions\"")
        }
    }

    /// What the model gives for one row of inputs of this length; `nil` if it refuses all that were made up.
    private func outputs(length: Int, _ padding: PaddingPlan) -> [Tensor]? {
        for freeSize in Self.freeSizes {
            for value in [1, 0] as [UInt8] {
                let inputs = try? zip(model.signature.inputs, padding.dimensions).map { spec, dimension in
                    spec.isOptional && dimension == nil
                        ? nil
                        : try sample(
                            of: spec, rows: 1, freeSize: freeSize, value: value,
                            padded: dimension.map { ($0, length) })
                }
                guard let inputs else { continue }
                let outputs = try? model.run(inputs, outputs: Array(model.signature.outputs.indices))
                if let outputs { return outputs }
            }
        }
        return nil
    }
}
