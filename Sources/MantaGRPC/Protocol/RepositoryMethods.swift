import MantaCore
import MantaGateway
import MantaWire
import SwiftProtobuf

/// The model repository extension: which models there are, and taking them into and out of service.
struct RepositoryMethods: Sendable {
    let repository: RepositoryService

    func add(to methods: inout Methods) {
        methods.unary(.inference("RepositoryIndex")) { (request: Inference_RepositoryIndexRequest, _) in
            try check(request.repositoryName)
            let entries = await repository.index(readyOnly: request.ready)
            return Inference_RepositoryIndexResponse.with { $0.models = entries.map { .init($0) } }
        }
        methods.unary(.inference("RepositoryModelLoad")) {
            (request: Inference_RepositoryModelLoadRequest, _) in
            try check(request.repositoryName)
            try await repository.load(request.modelName, try Self.override(request.parameters))
            return Inference_RepositoryModelLoadResponse()
        }
        methods.unary(.inference("RepositoryModelUnload")) {
            (request: Inference_RepositoryModelUnloadRequest, _) in
            try check(request.repositoryName)
            // What depends on it are ensembles.
            try Self.check(request.parameters) { $0 == "unload_dependents" }
            try await repository.unload(request.modelName)
            return Inference_RepositoryModelUnloadResponse()
        }
    }

    private func check(_ repositoryName: String) throws(ServingError) {
        guard repositoryName.isEmpty else {
            throw ServingError(.unsupported, "repository_name isn't supported: leave it out")
        }
    }

    private static func check(
        _ parameters: [String: Inference_ModelRepositoryParameter], isKnown: (String) -> Bool
    ) throws(ServingError) {
        guard let name = parameters.keys.sorted().first(where: { !isKnown($0) }) else { return }
        throw ServingError(.unsupported, "parameter \"\(name)\" is not supported")
    }

    private static func override(
        _ parameters: [String: Inference_ModelRepositoryParameter]
    ) throws(ServingError) -> RepositoryService.Override {
        let prefix = "file:"
        try check(parameters) { $0 == "config" || $0.hasPrefix(prefix) }
        var override = RepositoryService.Override()
        for (name, parameter) in parameters {
            switch parameter.parameterChoice {
            case .stringParam(let text) where name == "config": override.configuration = text
            case .bytesParam(let bytes) where name.hasPrefix(prefix):
                override.files[String(name.dropFirst(prefix.count))] = [UInt8](bytes)
            default:
                let expected = name == "config" ? "string_param" : "bytes_param"
                throw ServingError(.invalidRequest, "parameter \"\(name)\": expected a value in \(expected)")
            }
        }
        return override
    }
}

extension Inference_RepositoryIndexResponse.ModelIndex {
    fileprivate init(_ entry: RepositoryService.Entry) {
        self.init()
        (name, version, state, reason) = (entry.name, entry.version ?? "", entry.state ?? "", entry.reason ?? "")
    }
}
