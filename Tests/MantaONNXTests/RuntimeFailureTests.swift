import Testing

@testable import MantaONNX

@Suite("The runtime's messages in plain words")
struct RuntimeFailureTests {
    @Test(
        "places in the runtime's source are cut out",
        arguments: [
            ("Invalid rank for input: x", "Invalid rank for input: x"),
            (
                "/src/core/graph/model.cc:180 onnxruntime::Model::Model(onnx::ModelProto&&, const std::function<void ()>&) "
                    + "Opset 99 is unknown.",
                "Opset 99 is unknown."
            ),
            (
                "Failed: /src/core/a.h:7 static T onnxruntime::A::b(int) const [with T = std::array<int, 2>; U = int [3]] "
                    + "n > 0 was false. n is 0",
                "n is 0"
            ),
            ("Load model from /a b/c.onnx failed:broken\nin two lines", "broken in two lines"),
            (
                "Non-zero status code returned while running Mul node. Name:'scale' Status Message: /s/b.h:2 f(int) 1 + 1",
                "node \"scale\" (Mul): 1 + 1"
            ),
            (
                "ONNX Runtime only supports Opset 99 is under development. Current support is till opset 26.",
                "it needs opset 99, and this ONNX Runtime knows opsets up to 26; export it for an older opset or "
                    + "install a newer ONNX Runtime"
            ),
            (
                "Non-zero status code returned while running ' Status Message:  node. Name:'",
                "Non-zero status code returned while running ' Status Message:  node. Name:'"
            ),
            ("see readme.cc: it helps", "see readme.cc: it helps"),
            ("x.cc:1 f(", "f("),
            ("", ""),
        ])
    func plainWords(message: String, expected: String) {
        #expect(RuntimeFailure.plainWords(message) == expected)
    }
}
