import FoundationEssentials
import MantaCore
import MantaTestKit
import Testing

@testable import MantaONNX

@Suite("How a session is made")
struct SessionSettingsTests {
    private func settings(_ shapes: [Shape], _ options: EngineOptions = .init()) -> SessionSettings {
        let inputs = shapes.map { TensorSpec("x", .fp32, $0) }
        return SessionSettings(options, variation: ShapeVariation(ModelSignature(inputs: inputs, outputs: [])))
    }

    @Test("fixed shapes have a memory plan and the arena, which they always fill alike")
    func fixed() {
        #expect(settings([[1, 3], []]).memoryPattern)
        #expect(settings([[1, 3], []]).arena)
        #expect(!settings([[1, 3], []]).returnsMemory)
    }

    @Test(
        "free sizes have the arena, which gives back what larger runs needed, but no plan for each size",
        arguments: [[[-1, 3], [2]], [[-1, 3], [1, -1]]] as [[Shape]])
    func free(shapes: [Shape]) {
        #expect(!settings(shapes).memoryPattern)
        #expect(settings(shapes).arena)
        #expect(settings(shapes).returnsMemory)
    }

    @Test("what the options say holds, whatever the shapes", arguments: [true, false])
    func options(wanted: Bool) {
        var options = EngineOptions()
        options.arena = wanted
        options.memoryPattern = wanted

        for shape: Shape in [[2], [-1], [-1, -1]] {
            #expect(settings([shape], options).arena == wanted)
            #expect(settings([shape], options).memoryPattern == wanted)
        }
    }

    @Test("in parallel execution there is no plan, and threads run the parts")
    func parallel() {
        var options = EngineOptions()
        (options.execution, options.interOpThreads, options.memoryPattern) = (.parallel, 3, true)

        #expect(settings([[2]], options).execution == .parallel)
        #expect(settings([[2]], options).interOpThreads == 3)
        #expect(!settings([[2]], options).memoryPattern)
    }

    @Test("a model runs the same in parallel execution")
    func runs() throws {
        var options = EngineOptions()
        (options.execution, options.interOpThreads, options.threads) = (.parallel, 2, 2)
        let model = try Fixture.model("sum_and_greater", options)
        let inputs = [Tensor(shape: [2], [1, 5] as [Int64]), Tensor(shape: [2], [3, 4] as [Int64])]

        #expect(try model.run(inputs, outputs: [0])[0].values(as: Int64.self) == [4, 9])
    }

    @Test(
        "what varies is found in the file as in the loaded model",
        arguments: [
            "add", "any_shape", "concatenate", "default_scale", "external", "fixed", "gather",
            "reshape",
            "scalar", "sum_and_greater",
        ])
    func fromFile(name: String) throws {
        let model = try Fixture.model(name)

        #expect(ShapeVariation(modelFile: Fixture.path(name)) == ShapeVariation(model.signature))
    }

    @Test("a file that is cut off anywhere, or isn't there, is no reason to fail")
    func brokenFile() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path + "/cut.onnx"
            let whole = try [UInt8](Data(contentsOf: URL(filePath: Fixture.path("sum_and_greater"))))
            for count in whole.indices {
                try folder.write(Array(whole[..<count]), to: "cut.onnx")
                _ = ShapeVariation(modelFile: path)
            }

            #expect(ShapeVariation(modelFile: folder.path) == nil)
            #expect(ShapeVariation(modelFile: path + ".none") == nil)
        }
    }
}
