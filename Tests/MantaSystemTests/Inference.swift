import Foundation
import MantaTestKit

/// What tests of the running server say and read, over one kept connection.
final class InferenceClient {
    /// The reply to an inference.
    struct Answer: Decodable {
        struct Output: Decodable {
            var name: String
            var shape: [Int]
            var data: [Double]
        }

        var outputs: [Output]
        var model_version: String

        /// The elements of the output of this name.
        subscript(name: String) -> [Double] { outputs.first { $0.name == name }?.data ?? [] }
    }

    private let client: SocketClient

    init(port: Int) throws {
        client = try SocketClient(port: port)
    }

    /// Whether the server has closed the connection.
    var isClosedByServer: Bool { client.isClosedByServer }

    /// Sends any request.
    func request(
        _ method: String, _ path: String, headers: [String] = [], body: String? = nil
    ) throws -> SocketClient.Reply {
        try client.request(method, path, headers: headers, body: body.map { Array($0.utf8) })
    }

    /// Sends one input of FP32 in JSON.
    func post(_ model: String, input: String = "x", shape: [Int], _ values: [Float]) throws -> SocketClient.Reply {
        let numbers = values.map { "\($0)" }.joined(separator: ",")
        return try request(
            "POST", "/v2/models/\(model)/infer",
            body: #"{"inputs":[{"name":"\#(input)","shape":\#(shape),"datatype":"FP32","data":[\#(numbers)]}]}"#)
    }

    /// Sends one input of FP32 in JSON and reads the outputs.
    func infer(_ model: String, input: String = "x", shape: [Int], _ values: [Float]) throws -> Answer {
        let reply = try post(model, input: input, shape: shape, values)
        guard reply.status == 200 else { throw SocketClient.Failure("\(reply.status) \(reply.text)") }
        return try JSONDecoder().decode(Answer.self, from: Data(reply.body))
    }
}

/// The rows of the digits that the sample models never saw in training.
struct Holdout {
    var labels: [Double] = []
    var pixels: [[Float]] = []

    init() throws {
        let text = try String(
            contentsOf: ServerProcess.root.appending(path: "models/digits-holdout.csv"), encoding: .utf8)
        for line in text.split(whereSeparator: \.isNewline).dropFirst() {
            let numbers = line.split(separator: ",").compactMap { Float($0) }
            labels.append(Double(numbers[0]))
            pixels.append(Array(numbers.dropFirst()))
        }
    }

    /// The share of rows that a model's answers get right.
    func accuracy(of answers: [Double]) -> Double {
        Double(zip(answers, labels).filter { $0 == $1 }.count) / Double(labels.count)
    }
}

/// A model file of the engine's tests.
func fixture(_ name: String) -> String { "Tests/MantaONNXTests/Fixtures/\(name).onnx" }
