package import MantaCore
import MantaServing
package import MantaWire

extension TritonReader {
    /// Reads the inputs and outputs.
    mutating func readTensors() {
        var inputs: [TensorPort] = []
        var names: Set<String> = []
        for (index, input) in message.input.enumerated() {
            let path = "input[\(index)]"
            var port = port(
                input.name, input.dataType, input.dims, input.hasReshape ? input.reshape.shape : nil, path,
                &names)
            port.isOptional = input.optional
            switch input.format {
            case .none: break
            case .nhwc: port.format = .nhwc
            case .nchw: port.format = .nchw
            default: fault("\(path).format", "unknown word")
            }
            if port.format != nil, input.dims.count != 3 {
                fault("\(path).format", "expected dims of 3 sizes beside it, got \(input.dims.count)")
            }
            refuse("\(path).is_shape_tensor", if: input.isShapeTensor, "shape tensors are TensorRT's")
            refuse("\(path).is_non_linear_format_io", if: input.isNonLinearFormatIo, "tensors are row-major")
            refuse("\(path).allow_ragged_batch", if: input.allowRaggedBatch, "the rows of a batch have the same sizes")
            inputs.append(port)
        }
        var outputs: [TensorPort] = []
        names = []
        for (index, output) in message.output.enumerated() {
            let path = "output[\(index)]"
            var port = port(
                output.name, output.dataType, output.dims, output.hasReshape ? output.reshape.shape : nil, path,
                &names)
            if !output.labelFilename.isEmpty { port.labels = labels(output.labelFilename, "\(path).label_filename") }
            refuse("\(path).is_shape_tensor", if: output.isShapeTensor, "shape tensors are TensorRT's")
            refuse("\(path).is_non_linear_format_io", if: output.isNonLinearFormatIo, "tensors are row-major")
            outputs.append(port)
        }
        change {
            $0.inputs = inputs
            $0.outputs = outputs
        }
    }

    private mutating func port(
        _ name: String, _ type: Inference_DataType, _ dims: [Int64], _ reshape: [Int64]?, _ path: String,
        _ names: inout Set<String>
    ) -> TensorPort {
        var port = TensorPort(name: name)
        if name.isEmpty { fault(path, "expected a name") }
        if !names.insert(name).inserted, !name.isEmpty {
            fault("\(path).name", "\(ScalarValue.quoted(name)) is given twice")
        }
        port.dataType = DataType(type)
        if port.dataType == nil, type != .typeInvalid { fault("\(path).data_type", "unknown word") }
        if dims.isEmpty { fault(path, "expected dims, with at least one size; a reshape may have none") }
        port.shape = sizes(dims, "\(path).dims")
        port.reshape = reshape.map { sizes($0, "\(path).reshape.shape") }
        if let fault = port.reshapeFault { self.fault("\(path).reshape", fault) }
        return port
    }

    /// The sizes of a shape, -1 for any.
    private mutating func sizes(_ dims: [Int64], _ path: String) -> [Int] {
        dims.enumerated().map { index, size in
            guard size == -1 || (1...Int64(Int32.max)).contains(size) else {
                fault("\(path)[\(index)]", "expected a size from 1 to \(Int32.max), or -1 for any, got \(size)")
                return -1
            }
            return Int(size)
        }
    }

    private mutating func labels(_ name: String, _ path: String) -> TensorPort.Labels? {
        guard let file = self.path(of: name, path) else { return nil }
        do throws(ConfigurationErrors) {
            return try .init(file: file)
        } catch {
            fault(path, error.description)
            return nil
        }
    }

    /// Reads what is to be run before a version is ready.
    mutating func readWarmup() {
        let isBatched = (configuration.batching.maxRows ?? 0) > 0
        for (index, warmup) in message.modelWarmup.enumerated() {
            let path = "model_warmup[\(index)]"
            var sample = WarmupSample(name: warmup.name.isEmpty ? "\(index)" : warmup.name)
            if warmup.batchSize > 0 {
                sample.rows =
                    number(
                        warmup.batchSize, in: DeploymentConfiguration.Batching.allowedRows, "\(path).batch_size") ?? 1
            }
            if sample.rows > 1, !isBatched {
                fault("\(path).batch_size", "expected at most 1, since max_batch_size is 0, got \(sample.rows)")
            }
            if warmup.count > 0 {
                sample.count = number(warmup.count, in: WarmupSample.allowedCounts, "\(path).count") ?? 1
            }
            if warmup.inputs.isEmpty { fault(path, "expected at least one input") }
            for (name, input) in warmup.inputs.sorted(by: { $0.key < $1.key }) {
                if let input = self.sample(name, input, "\(path).inputs") { sample.inputs.append(input) }
            }
            change { $0.warmupSamples.append(sample) }
        }
    }

    private mutating func sample(
        _ name: String, _ input: Inference_ModelWarmup.Input, _ path: String
    ) -> WarmupSample.Input? {
        let subject = "input \(ScalarValue.quoted(name)): "
        guard let type = DataType(input.dataType) else {
            fault(path, subject + "expected a data_type")
            return nil
        }
        let shape = input.dims.compactMap { (0...Int64(Int32.max)).contains($0) ? Int($0) : nil }
        guard shape.count == input.dims.count else {
            fault(path, subject + "expected dims without a free size, got \(Shape(input.dims.map { Int($0) }))")
            return nil
        }
        switch input.inputDataType {
        case .zeroData: return .init(name, type, shape, .zeros)
        // Triton has no random texts either.
        case .randomData: return .init(name, type, shape, type == .bytes ? .zeros : .random)
        case .inputDataFile(let fileName):
            guard let file = self.path(of: fileName, in: "warmup/", path) else { return nil }
            guard let found = WarmupSample.DataFile(at: file) else {
                fault(path, subject + "there is no file \(file)")
                return nil
            }
            return .init(name, type, shape, .file(found))
        case nil:
            fault(path, subject + "expected one of zero_data, random_data and input_data_file")
            return nil
        }
    }
}

extension DataType {
    /// The type that Triton's configurations call so; `nil` for `TYPE_INVALID` and what isn't known.
    package init?(_ type: Inference_DataType) {
        switch type {
        case .typeBool: self = .bool
        case .typeUint8: self = .uint8
        case .typeUint16: self = .uint16
        case .typeUint32: self = .uint32
        case .typeUint64: self = .uint64
        case .typeInt8: self = .int8
        case .typeInt16: self = .int16
        case .typeInt32: self = .int32
        case .typeInt64: self = .int64
        case .typeFp16: self = .fp16
        case .typeFp32: self = .fp32
        case .typeFp64: self = .fp64
        case .typeString: self = .bytes
        case .typeBf16: self = .bf16
        default: return nil
        }
    }

    /// What Triton's configurations call it.
    package var tritonType: Inference_DataType {
        switch self {
        case .bool: .typeBool
        case .uint8: .typeUint8
        case .uint16: .typeUint16
        case .uint32: .typeUint32
        case .uint64: .typeUint64
        case .int8: .typeInt8
        case .int16: .typeInt16
        case .int32: .typeInt32
        case .int64: .typeInt64
        case .fp16: .typeFp16
        case .fp32: .typeFp32
        case .fp64: .typeFp64
        case .bytes: .typeString
        case .bf16: .typeBf16
        }
    }
}
