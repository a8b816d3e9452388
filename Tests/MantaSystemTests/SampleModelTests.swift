import Foundation
import MantaTestKit
import Testing

@Suite("The sample models", .timeLimit(.minutes(5)))
struct SampleModelTests {
    @Test("the SVM recognises digits that it never saw as often as its README says, row by row and in batches")
    func svmAccuracy() async throws {
        let server = try await ServerProcess.ready(["--models", "models"])
        let accuracies = try await onThread {
            let holdout = try Holdout()
            let client = try InferenceClient(port: server.port)
            let single = try holdout.pixels.flatMap {
                try client.infer("digits-svm", input: "X", shape: [1, 64], $0)["label"]
            }
            let together = try client.infer(
                "digits-svm", input: "X", shape: [holdout.labels.count, 64], holdout.pixels.flatMap(\.self))
            #expect(single == together["label"])
            #expect(together["probabilities"].count == holdout.labels.count * 10)
            return holdout.accuracy(of: single)
        }

        #expect(try Self.percent(accuracies) == Self.stated(in: "models/digits-svm/README.md").first)
    }

    @Test("version 2 of the neural network is better than version 1, and answers where none is named")
    func versions() async throws {
        let server = try await ServerProcess.ready(["--models", "models"])
        let accuracies = try await onThread {
            let holdout = try Holdout()
            let client = try InferenceClient(port: server.port)
            return try ["/versions/1", "/versions/2", ""].map { version in
                let answer = try client.infer(
                    "digits-mlp" + version, input: "X", shape: [holdout.labels.count, 64],
                    holdout.pixels.flatMap(\.self))
                return Self.percent(holdout.accuracy(of: answer["label"]))
            }
        }

        #expect(try Array(accuracies.prefix(2)) == Self.stated(in: "models/digits-mlp/README.md"))
        #expect(accuracies[1] > accuracies[0])
        #expect(accuracies[2] == accuracies[1])
    }

    private static func percent(_ share: Double) -> Double { (share * 1000).rounded() / 10 }

    /// The percentages in the lines of a README that speak of held-out accuracy.
    private static func stated(in file: String) throws -> [Double] {
        let text = try String(contentsOf: ServerProcess.root.appending(path: file), encoding: .utf8)
        return text.matches(of: #/held-out accuracy[^0-9\n]*([0-9.]+) ?%/#.ignoresCase()).compactMap { Double($0.1) }
    }
}
