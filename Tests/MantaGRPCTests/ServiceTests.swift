import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf
import MantaConfig
import MantaCore
import MantaServing
import MantaSharedMemory
import MantaTestKit
import MantaWire
import SwiftProtobuf
import Testing

@Suite("The other methods", .timeLimit(.minutes(1)))
struct ServiceTests {
    @Test("health and metadata of server and models")
    func metadata() async throws {
        try await TestListener.serving { server in
            try await server.withClient { client in
                let live: Inference_ServerLiveResponse = try await client.call(
                    .inference("ServerLive"), Inference_ServerLiveRequest())
                let ready: Inference_ServerReadyResponse = try await client.call(
                    .inference("ServerReady"), Inference_ServerReadyRequest())
                let about: Inference_ServerMetadataResponse = try await client.call(
                    .inference("ServerMetadata"), Inference_ServerMetadataRequest())
                let model: Inference_ModelMetadataResponse = try await client.call(
                    .inference("ModelMetadata"), Inference_ModelMetadataRequest.with { $0.name = "m" })

                #expect(live.live && ready.ready)
                #expect((about.name, about.version) == ("manta", "9.9"))
                #expect(about.extensions.contains("binary_tensor_data"))
                #expect((model.name, model.versions, model.platform) == ("m", ["3"], "fake_model"))
                #expect(model.inputs.map(\.name) == ["x"] && model.outputs.map(\.name) == ["y"])
                #expect(model.inputs.first?.datatype == "FP32" && model.inputs.first?.shape == [-1, 2])
            }
        }
    }

    @Test(
        "a model that isn't ready, or isn't there, is no error",
        arguments: [("m", "", true), ("m", "3", true), ("m", "4", false), ("vacant", "", false), ("nobody", "", false)])
    func modelReady(name: String, version: String, isReady: Bool) async throws {
        let reply: Inference_ModelReadyResponse = try await TestListener.serving { server in
            try await server.withClient { client in
                try await client.call(
                    .inference("ModelReady"),
                    Inference_ModelReadyRequest.with { ($0.name, $0.version) = (name, version) })
            }
        }

        #expect(reply.ready == isReady)
    }

    @Test("the repository is listed; to change it has to be allowed, and is asked for in the right form")
    func repository() async throws {
        try await TestListener.serving {
            $0.allowsModelControl = true
        } body: { server in
            try await server.withClient { client in
                let index: Inference_RepositoryIndexResponse = try await client.call(
                    .inference("RepositoryIndex"), Inference_RepositoryIndexRequest())
                #expect(index.models.map(\.name) == ["m", "vacant"])
                #expect(index.models.map(\.state) == ["READY", "UNAVAILABLE"])
                #expect(index.models.first?.version == "3")
                #expect(index.models.last?.reason == "it has no version")

                func load(
                    _ parameters: [String: Inference_ModelRepositoryParameter], repository: String = ""
                ) async -> RPCError? {
                    await client.error(
                        of: .inference("RepositoryModelLoad"),
                        Inference_RepositoryModelLoadRequest.with {
                            ($0.modelName, $0.parameters, $0.repositoryName) = ("nobody", parameters, repository)
                        }, returning: Inference_RepositoryModelLoadResponse.self)
                }
                let text = Inference_ModelRepositoryParameter.with { $0.stringParam = "{}" }
                let bytes = Inference_ModelRepositoryParameter.with { $0.bytesParam = Data([1]) }
                #expect(await load([:])?.code == .notFound)
                #expect(await load([:], repository: "other")?.code == .unimplemented)
                #expect(await load(["other": text])?.message == "parameter \"other\" is not supported")
                #expect(
                    await load(["config": bytes])?.message == "parameter \"config\": expected a value in string_param")
                #expect(
                    await load(["file:1/a": text])?.message
                        == "parameter \"file:1/a\": expected a value in bytes_param")
                #expect(
                    await load(["file:1/a": bytes])?.message
                        == "the parameter \"config\" is missing: files are taken only together with it")
            }
        }
        let error = try await TestListener.serving { server in
            try await server.withClient { client in
                await client.error(
                    of: .inference("RepositoryModelUnload"),
                    Inference_RepositoryModelUnloadRequest.with { $0.modelName = "m" },
                    returning: Inference_RepositoryModelUnloadResponse.self)
            }
        }
        #expect(error?.code == .permissionDenied)
        #expect(error?.message.contains("--allow-model-control") == true)
    }

    @Test("shared memory has to be allowed, and there is none of CUDA's")
    func memory() async throws {
        try await TestListener.serving { server in
            try await server.withClient { client in
                let status = await client.error(
                    of: .inference("SystemSharedMemoryStatus"), Inference_SystemSharedMemoryStatusRequest(),
                    returning: Inference_SystemSharedMemoryStatusResponse.self)
                let cuda: Inference_CudaSharedMemoryStatusResponse = try await client.call(
                    .inference("CudaSharedMemoryStatus"), Inference_CudaSharedMemoryStatusRequest())
                let register = await client.error(
                    of: .inference("CudaSharedMemoryRegister"), Inference_CudaSharedMemoryRegisterRequest(),
                    returning: Inference_CudaSharedMemoryRegisterResponse.self)

                #expect(status?.code == .permissionDenied)
                #expect(status?.message.contains("--allow-shared-memory") == true)
                #expect(cuda.regions.isEmpty)
                #expect(register?.code == .unimplemented)
            }
        }
    }

    @Test("what isn't a method is UNIMPLEMENTED")
    func unknown() async throws {
        let error = try await TestListener.serving { server in
            try await server.withClient { client in
                await client.error(
                    of: MethodDescriptor(fullyQualifiedService: "inference.GRPCInferenceService", method: "Nothing"),
                    Inference_ServerLiveRequest(), returning: Inference_ServerLiveResponse.self)
            }
        }

        #expect(error?.code == .unimplemented)
    }

    @Test("health is told for the server and for models, and its end too")
    func health() async throws {
        typealias Status = Grpc_Health_V1_HealthCheckResponse.ServingStatus
        try await TestListener.serving { server in
            try await server.withClient { client in
                func check(_ service: String) async throws -> Status {
                    let reply: Grpc_Health_V1_HealthCheckResponse = try await client.call(
                        .health("Check", .unary), Grpc_Health_V1_HealthCheckRequest.with { $0.service = service })
                    return reply.status
                }
                #expect(try await check("") == .serving)
                #expect(try await check("inference.GRPCInferenceService") == .serving)
                #expect(try await check("m") == .serving)
                #expect(try await check("vacant") == .notServing)
                let error = await client.error(
                    of: .health("Check", .unary), Grpc_Health_V1_HealthCheckRequest.with { $0.service = "nobody" },
                    returning: Grpc_Health_V1_HealthCheckResponse.self)
                #expect(error?.code == .notFound)

                let told = try await client.grpc.serverStreaming(
                    request: ClientRequest(message: Grpc_Health_V1_HealthCheckRequest()),
                    descriptor: .health("Watch", .serverStreaming),
                    serializer: ProtobufSerializer<Grpc_Health_V1_HealthCheckRequest>(),
                    deserializer: ProtobufDeserializer<Grpc_Health_V1_HealthCheckResponse>(), options: .defaults
                ) { response in
                    var told: [Status] = []
                    do {
                        for try await reply in response.messages {
                            told.append(reply.status)
                            if told.count == 1 { server.catalog.leave() }
                            if told.count == 2 { await server.stop() }
                        }
                    } catch let error as RPCError {
                        #expect(error.code == .unavailable)
                    }
                    return told
                }
                #expect(told == [.serving, .notServing])
            }
        }
    }

    @Test(
        "reflection tells the services and the files of what they are made of, under both names",
        arguments: ["v1", "v1alpha"])
    func reflection(version: String) async throws {
        let asked: [Grpc_Reflection_V1_ServerReflectionRequest] = [
            .with { $0.listServices = "" }, .with { $0.fileContainingSymbol = "inference.GRPCInferenceService" },
            .with { $0.fileContainingSymbol = "inference.ModelInferRequest.InferInputTensor" },
            .with { $0.fileByFilename = "health.proto" }, .with { $0.fileContainingSymbol = "no.such.Thing" },
            .with { $0.allExtensionNumbersOfType = "inference.ModelConfig" },
        ]
        let replies = try await TestListener.serving { server in
            try await server.withClient { client in
                try await client.grpc.bidirectionalStreaming(
                    request: StreamingClientRequest { writer in
                        for request in asked { try await writer.write(request) }
                    },
                    descriptor: MethodDescriptor(
                        fullyQualifiedService: "grpc.reflection.\(version).ServerReflection",
                        method: "ServerReflectionInfo"),
                    serializer: ProtobufSerializer<Grpc_Reflection_V1_ServerReflectionRequest>(),
                    deserializer: ProtobufDeserializer<Grpc_Reflection_V1_ServerReflectionResponse>(),
                    options: .defaults
                ) { response in
                    try await response.messages.reduce(into: [Grpc_Reflection_V1_ServerReflectionResponse]()) {
                        $0.append($1)
                    }
                }
            }
        }

        #expect(replies.count == asked.count)
        #expect(
            replies[0].listServicesResponse.service.map(\.name) == [
                "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "inference.GRPCInferenceService",
            ])
        for reply in replies[1...2] {
            let files = try reply.fileDescriptorResponse.fileDescriptorProto.map {
                try Google_Protobuf_FileDescriptorProto(serializedBytes: $0)
            }
            #expect(files.map(\.name) == ["grpc_service.proto", "model_config.proto"])
        }
        #expect(replies[3].fileDescriptorResponse.fileDescriptorProto.count == 1)
        #expect(replies[4].errorResponse.errorCode == 5)
        #expect(replies[5].allExtensionNumbersResponse.baseTypeName == "inference.ModelConfig")
    }
}
