import FoundationEssentials
import MantaCore
import MantaTime
import NIOCore
import NIOFoundationEssentialsCompat

/// The tensor data extension of the Open Inference Protocol: a JSON header, and the tensors' bytes after it.
private struct RequestHeader: Encodable {
    struct Parameters: Encodable {
        /// In microseconds.
        let timeout: Int64
    }

    struct Input: Encodable {
        struct Parameters: Encodable {
            let binary_data_size: Int
        }

        let name: String
        let datatype: String
        let shape: [Int]
        let parameters: Parameters
    }

    struct Output: Encodable {
        struct Parameters: Encodable {
            let binary_data = true
        }

        let name: String
        let parameters = Parameters()
    }

    let parameters: Parameters
    let inputs: [Input]
    let outputs: [Output]
}

private struct ReplyHeader: Decodable {
    struct Output: Decodable {
        struct Parameters: Decodable {
            let binary_data_size: Int?
        }

        let name: String
        let datatype: String
        let shape: [Int]
        let parameters: Parameters?
    }

    let outputs: [Output]
}

extension RemoteBatch {
    /// The body of its request, and how much of it is the header.
    func encoded() -> (body: ByteBuffer, headerLength: Int) {
        let given = zip(signature.inputs, inputs).compactMap { spec, tensor in tensor.map { (spec.name, $0) } }
        let header = RequestHeader(
            parameters: .init(timeout: timeout.nanoseconds / 1000),
            inputs: given.map { name, tensor in
                .init(
                    name: name, datatype: tensor.dataType.rawValue, shape: tensor.shape.dimensions,
                    parameters: .init(binary_data_size: tensor.byteCount))
            },
            outputs: outputs.map { .init(name: signature.outputs[$0].name) })
        // Texts and numbers only, which can always be encoded.
        let json = (try? JSONEncoder().encode(header)) ?? Data()
        var body = ByteBuffer()
        body.reserveCapacity(json.count + given.reduce(0) { $0 + $1.1.byteCount })
        body.writeBytes(json)
        for (_, tensor) in given { unsafe tensor.withUnsafeBytes { unsafe _ = body.writeBytes($0) } }
        return (body, json.count)
    }

    /// The outputs in a reply to it, in the order wanted.
    ///
    /// - Throws: ``RemoteFailure`` of kind `lost` if that isn't what the protocol says.
    func outputs(
        in body: ByteBuffer, headerLength: Int?, from address: RemoteAddress
    ) throws(RemoteFailure) -> [Tensor] {
        func failure(_ what: String) -> RemoteFailure { RemoteFailure(.lost, "\(address): \(what)") }
        guard let headerLength, var rest = body.getSlice(at: body.readerIndex, length: body.readableBytes),
            let json = rest.readSlice(length: headerLength)
        else {
            throw failure("the reply has no binary tensors, which Manta needs of a remote replica")
        }
        guard let header = try? JSONDecoder().decode(ReplyHeader.self, from: Data(buffer: json)) else {
            throw failure("the header of the reply isn't that of an inference")
        }
        var found: [String: Tensor] = [:]
        for output in header.outputs {
            guard let size = output.parameters?.binary_data_size, let bytes = rest.readSlice(length: size) else {
                throw failure("output \"\(output.name)\" has no binary data")
            }
            found[output.name] = try Tensor(output, bytes, failure)
        }
        return try outputs.map { index throws(RemoteFailure) in
            let spec = signature.outputs[index]
            guard let tensor = found[spec.name] else { throw failure("output \"\(spec.name)\" is missing") }
            guard tensor.dataType == spec.dataType else {
                throw failure(
                    "output \"\(spec.name)\" is \(tensor.dataType.rawValue), expected \(spec.dataType.rawValue)")
            }
            guard spec.admits(tensor.shape) else {
                throw failure("output \"\(spec.name)\" has shape \(tensor.shape), expected \(spec.shape)")
            }
            return tensor
        }
    }
}

extension Tensor {
    fileprivate init(
        _ output: ReplyHeader.Output, _ bytes: ByteBuffer, _ failure: (String) -> RemoteFailure
    ) throws(RemoteFailure) {
        guard let dataType = DataType(rawValue: output.datatype), output.shape.allSatisfy({ $0 >= 0 }) else {
            throw failure("output \"\(output.name)\" has the datatype \(output.datatype) and shape \(output.shape)")
        }
        let shape = Shape(output.shape)
        var fault = Tensor.fault(in: bytes.readableBytes, of: dataType, shape, source: "binary_data_size is")
        if fault == nil {
            fault = unsafe bytes.withUnsafeReadableBytes { unsafe Tensor.fault(in: $0, dataType, shape) }
        }
        if let fault { throw failure("output \"\(output.name)\": \(fault)") }
        self = unsafe Tensor(dataType, shape: shape, byteCount: bytes.readableBytes) { target in
            unsafe bytes.withUnsafeReadableBytes { unsafe target.copyMemory(from: $0) }
        }
    }
}
