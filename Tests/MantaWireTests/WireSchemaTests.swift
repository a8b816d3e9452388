import MantaWire
import SwiftProtobuf
import Testing

@Suite("The .proto files that are built in")
struct WireSchemaTests {
    @Test("they are those that the messages were made of, with what they import")
    func files() {
        let files = WireSchema.files

        #expect(
            files.map(\.name).sorted() == [
                "grpc_service.proto", "health.proto", "model_config.proto", "reflection.proto",
            ])
        for file in files { for name in file.dependency { #expect(files.contains { $0.name == name }) } }
        let messages = files.flatMap { file in file.messageType.map { "\(file.package).\($0.name)" } }
        for name in [
            Inference_ModelInferRequest.protoMessageName, Inference_ModelStreamInferResponse.protoMessageName,
            Inference_ModelConfig.protoMessageName, Inference_LogSettingsResponse.protoMessageName,
            Grpc_Health_V1_HealthCheckResponse.protoMessageName,
            Grpc_Reflection_V1_ServerReflectionResponse.protoMessageName,
        ] {
            #expect(messages.contains(name))
        }
    }

    @Test("the fields of an inference have the numbers that clients know")
    func numbers() throws {
        let file = try #require(WireSchema.files.first { $0.name == "grpc_service.proto" })
        let message = try #require(file.messageType.first { $0.name == "ModelInferRequest" })

        #expect(message.field.first { $0.name == "raw_input_contents" }?.number == 7)
        #expect(
            message.field.map(\.name) == [
                "model_name", "model_version", "id", "parameters", "inputs", "outputs", "raw_input_contents",
            ])
    }
}
