import FoundationEssentials
import MantaCore
import NIOCore
import NIOFoundationEssentialsCompat

/// The protocol's model metadata.
private struct Metadata: Decodable {
    struct Port: Decodable {
        let name: String
        let datatype: String
        let shape: [Int]
    }

    let inputs: [Port]
    let outputs: [Port]
}

/// What of the model configuration extension matters here.
private struct Configuration: Decodable {
    struct Port: Decodable {
        let name: String
        let optional: Bool?
    }

    struct Group: Decodable {
        let count: Int?
    }

    let max_batch_size: Int?
    let input: [Port]?
    let instance_group: [Group]?
}

extension RemoteDescription {
    /// Far more runs at a time than pay for one server.
    private static let maxReplicas = 64

    /// What a server's documents say.
    ///
    /// - Throws: ``RemoteFailure`` of kind `refused` if the metadata isn't such.
    init(metadata: ByteBuffer, configuration: ByteBuffer?, of address: RemoteAddress) throws(RemoteFailure) {
        guard let metadata = try? JSONDecoder().decode(Metadata.self, from: Data(buffer: metadata)) else {
            throw RemoteFailure(.refused, "\(address): what it answers isn't the metadata of a model")
        }
        let configuration = configuration.flatMap {
            try? JSONDecoder().decode(Configuration.self, from: Data(buffer: $0))
        }
        let optional = Set((configuration?.input ?? []).filter { $0.optional == true }.map(\.name))
        let signature = ModelSignature(
            inputs: try metadata.inputs.map { port throws(RemoteFailure) in
                try TensorSpec(port, isOptional: optional.contains(port.name), address)
            },
            outputs: try metadata.outputs.map { port throws(RemoteFailure) in
                try TensorSpec(port, isOptional: false, address)
            })
        let groups = (configuration?.instance_group ?? []).compactMap(\.count)
        self.init(
            signature: signature, maxRows: configuration?.max_batch_size,
            replicas: groups.isEmpty
                ? nil : groups.reduce(0) { min($0 + min(max($1, 0), Self.maxReplicas), Self.maxReplicas) })
    }
}

extension TensorSpec {
    fileprivate init(_ port: Metadata.Port, isOptional: Bool, _ address: RemoteAddress) throws(RemoteFailure) {
        guard let dataType = DataType(rawValue: port.datatype) else {
            throw RemoteFailure(
                .refused, "\(address): \"\(port.name)\" has the datatype \(port.datatype), which isn't the protocol's")
        }
        self.init(port.name, dataType, Shape(port.shape), isOptional: isOptional)
    }
}
