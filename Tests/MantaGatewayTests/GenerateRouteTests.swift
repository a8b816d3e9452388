import MantaCore
import MantaTestKit
import Testing

/// Gives its text back; `fail` fails.
private let texts = FakeEngine(
    signature: ModelSignature(
        inputs: [TensorSpec("text_input", .bytes, [-1, 1])], outputs: [TensorSpec("text_output", .bytes, [-1, 1])])
) { inputs throws(ServingError) in
    if inputs[0]?.elements == [Array("fail".utf8)] { throw ServingError(.engineFailed, "it was told to") }
    return inputs.compactMap(\.self)
}

@Suite("Generate and predict routes", .timeLimit(.minutes(1)))
struct GenerateRouteTests {
    @Test("generate answers with a JSON object of the outputs")
    func generate() async throws {
        let reply = try await withServer(over: texts) { client in
            try client.request(
                "POST", "/v2/models/m/generate", body: Array(#"{"text_input":"ham","parameters":{"top":1}}"#.utf8))
        }

        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "application/json")
        #expect(reply["Server-Timing"]?.hasPrefix("queue;dur=") == true)
        #expect(reply.text == #"{"model_name":"m","model_version":"3","text_output":"ham"}"#)
    }

    @Test("generate_stream answers with an event, but with plain JSON if it fails")
    func stream() async throws {
        let replies = try await withServer(over: texts) { client in
            try ["ham", "fail"].map {
                try client.request(
                    "POST", "/v2/models/m/versions/3/generate_stream", body: Array(#"{"text_input":"\#($0)"}"#.utf8))
            }
        }

        #expect(replies.map(\.status) == [200, 500])
        #expect(replies[0]["Content-Type"] == "text/event-stream; charset=utf-8")
        #expect(replies[0].text == #"data: {"model_name":"m","model_version":"3","text_output":"ham"}"# + "\n\n")
        #expect(replies[1]["Content-Type"] == "application/json")
        #expect(replies[1].text == #"{"error":"it was told to"}"#)
    }

    @Test("a timeout among the parameters counts")
    func timeout() async throws {
        let reply = try await withServer(over: texts) { client in
            try client.request(
                "POST", "/v2/models/m/generate", body: Array(#"{"text_input":"ham","parameters":{"timeout":-1}}"#.utf8))
        }

        #expect(reply.status == 400)
        #expect(reply.text.contains("timeout"))
    }

    @Test(
        "predict answers in the form of the request",
        arguments: [
            ("/v1/models/m:predict", #"{"instances":[[1,2],[3,4]]}"#, 200, #"{"predictions":[[1,2],[3,4]]}"#),
            ("/v1/models/m/versions/3:predict", #"{"instances":[{"x":[1,2]}]}"#, 200, #"{"predictions":[[1,2]]}"#),
            ("/v1/models/m:predict", #"{"inputs":{"x":[[1,2]]}}"#, 200, #"{"outputs":[[1,2]]}"#),
            (
                "/v1/models/m:predict", #"{"instances":[[1,2,3]]}"#, 400,
                #"{"error":"input \"x\": expected shape [-1, 2], got [1, 3]"}"#
            ),
            ("/v1/models/n:predict", #"{"instances":[]}"#, 404, #"{"error":"model \"n\" is not found"}"#),
            ("/v1/models/m/versions/4:predict", "{}", 404, #"{"error":"model \"m\" has no version 4; it serves 3"}"#),
            (
                "/v1/models/m:classify", "{}", 501,
                #"{"error":"classify isn't supported: ask the model by predict, or by /v2/models/…/infer"}"#
            ),
        ])
    func predict(path: String, body: String, status: Int, text: String) async throws {
        let reply = try await withServer(over: echo) { try $0.request("POST", path, body: Array(body.utf8)) }

        #expect(reply.status == status)
        #expect(reply.text == text)
    }

    @Test(
        "version 1 tells its models, too",
        arguments: [
            ("/v1/models", 200, #"{"models":["m"]}"#), ("/v2/models", 200, #"{"models":["m"]}"#),
            (
                "/v1/models/m", 200,
                #"{"model_version_status":[{"state":"AVAILABLE","status":{"error_code":"OK","error_message":""},"#
                    + #""version":"3"}],"name":"m","ready":true}"#
            ),
            (
                "/v1/models/m/metadata", 200,
                #"{"metadata":{"signature_def":{"signature_def":{"serving_default":{"inputs":{"x":{"dtype":"DT_FLOAT","#
                    + #""name":"x","tensor_shape":{"dim":[{"name":"","size":"-1"},{"name":"","size":"2"}],"#
                    + #""unknown_rank":false}}},"method_name":"tensorflow/serving/predict","outputs":{"y":{"dtype":"#
                    + #""DT_FLOAT","name":"y","tensor_shape":{"dim":[{"name":"","size":"-1"},{"name":"","size":"2"}],"#
                    + #""unknown_rank":false}}}}}}},"model_spec":{"name":"m","signature_name":"","version":"3"}}"#
            ),
            ("/v1/models/n", 404, #"{"error":"model \"n\" is not found"}"#),
            ("/v1/models/m/versions/4", 404, #"{"error":"model \"m\" has no version 4; it serves 3"}"#),
            ("/v1/models/m:predict", 405, #"{"error":"GET isn't allowed on /v1/models/m:predict; allowed: POST"}"#),
        ])
    func models(path: String, status: Int, text: String) async throws {
        let reply = try await withServer(over: echo) { try $0.request("GET", path) }

        #expect(reply.status == status)
        #expect(reply.text == text)
    }
}
