import FoundationEssentials
import MantaCore
import MantaGateway
import MantaServing
import MantaWire
import SwiftProtobuf

/// What is known of the server and its models: health, metadata, configuration, statistics.
struct ModelMethods: Sendable {
    let plane: DataPlane

    func add(to methods: inout Methods) {
        methods.unary(.inference("ServerLive"), access: .open) { (_: Inference_ServerLiveRequest, _) in
            Inference_ServerLiveResponse.with { $0.live = true }
        }
        methods.unary(.inference("ServerReady"), access: .open) { (_: Inference_ServerReadyRequest, _) in
            Inference_ServerReadyResponse.with { $0.ready = plane.catalog.unreadiness == nil }
        }
        methods.unary(.inference("ModelReady")) { (request: Inference_ModelReadyRequest, _) in
            Inference_ModelReadyResponse.with { $0.ready = isReady(request.name, request.version) }
        }
        methods.unary(.inference("ServerMetadata")) { (_: Inference_ServerMetadataRequest, _) in
            Inference_ServerMetadataResponse.with {
                ($0.name, $0.version, $0.extensions) = (DataPlane.name, plane.version, plane.extensions)
            }
        }
        methods.unary(.inference("ModelMetadata")) { (request: Inference_ModelMetadataRequest, _) in
            try metadata(request.name, request.version)
        }
        methods.unary(.inference("ModelConfig")) { (request: Inference_ModelConfigRequest, _) in
            let config = try plane.configuration(model: request.name, version: try ModelVersion.number(request.version))
            return Inference_ModelConfigResponse.with { $0.config = config }
        }
        methods.unary(.inference("ModelStatistics")) { (request: Inference_ModelStatisticsRequest, _) in
            try statistics(request.name, request.version)
        }
    }

    /// Whether a model takes requests. One that isn't there doesn't: as with Triton it is no error to ask, so that
    /// clients can wait for a model that is about to come.
    private func isReady(_ name: String, _ version: String) -> Bool {
        do throws(ServingError) {
            _ = try plane.catalog.deployment(name).target(try ModelVersion.number(version))
            return true
        } catch {
            return false
        }
    }

    private func metadata(_ name: String, _ version: String) throws -> Inference_ModelMetadataResponse {
        let deployment = try plane.catalog.deployment(name)
        let signature = try deployment.target(try ModelVersion.number(version)).signature
        return .with {
            $0.name = deployment.name
            $0.versions = deployment.versions.map(String.init)
            $0.platform = deployment.platform
            $0.inputs = signature.inputs.map { .init($0) }
            $0.outputs = signature.outputs.map { .init($0) }
        }
    }

    private func statistics(_ name: String, _ version: String) throws -> Inference_ModelStatisticsResponse {
        let documents = try plane.statistics.documents(
            model: name.isEmpty ? nil : name, version: try ModelVersion.number(version))
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        return try .with { reply in
            // The keys of the documents are the message's.
            reply.modelStats = try documents.map {
                try .init(jsonUTF8Bytes: [UInt8](try JSONEncoder.documents.encode($0)), options: options)
            }
        }
    }
}

extension Inference_ModelMetadataResponse.TensorMetadata {
    fileprivate init(_ spec: TensorSpec) {
        self.init()
        (name, datatype, shape) = (spec.name, spec.dataType.rawValue, spec.shape.dimensions.map(Int64.init))
    }
}
