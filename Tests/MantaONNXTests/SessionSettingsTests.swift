import MantaCore
import Testing

@testable import MantaONNX

@Suite("How a session is made")
struct SessionSettingsTests {
    private func settings(_ shapes: [Shape], _ options: EngineOptions = .init()) -> SessionSettings {
        let inputs = shapes.map { TensorSpec("x", .fp32, $0) }
        return SessionSettings(options, variation: ShapeVariation(ModelSignature(inputs: inputs, outputs: [])))
    }

    @Test("fixed shapes have a memory plan and the arena")
    func fixed() {
        #expect(settings([[1, 3], []]).memoryPattern)
        #expect(settings([[1, 3], []]).arena)
    }

    @Test("a free batch size has the arena, but no plan for each size")
    func freeBatch() {
        #expect(!settings([[-1, 3], [2]]).memoryPattern)
        #expect(settings([[-1, 3], [2]]).arena)
    }

    @Test("other free sizes have neither, so that memory doesn't grow with what was seen")
    func freeLength() {
        #expect(!settings([[-1, 3], [1, -1]]).memoryPattern)
        #expect(!settings([[-1, 3], [1, -1]]).arena)
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
}
