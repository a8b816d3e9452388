import Foundation
import MantaServing
import MantaTestKit
import Testing

@testable import MantaController

@Suite("Hashes of versions")
struct ContentHashTests {
    let folder: TemporaryFolder
    let model: String
    let hashes = ContentHash()
    /// Of `abc` (FIPS 180-4, appendix).
    let hashOfABC = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    init() throws {
        folder = try TemporaryFolder()
        model = folder.path + "/1/model.onnx"
        try folder.write("abc", to: "1/model.onnx")
    }

    private func hash(isLater: Bool = false) -> VersionHash {
        hashes.hash(ofModel: model, inFolder: true, isLater: isLater)
    }

    @Test("a file alone has its own digest, as sha256sum tells it")
    func alone() throws {
        #expect(hash().text == hashOfABC)
    }

    @Test("a file that is touched is the same, one with another content or beside another isn't")
    func changes() throws {
        let first = hash()
        try FileManager.default.setAttributes([.modificationDate: Date.distantPast], ofItemAtPath: model)
        #expect(hash() === first)

        try folder.write("weights", to: "1/weights.bin")
        let beside = hash()
        #expect(beside != first)

        try folder.write("abd", to: "1/model.onnx")
        #expect(hash() != beside)
    }

    @Test("what is left for later is itself from the start, and found later")
    func later() throws {
        let first = hash(isLater: true)
        #expect(first.text == nil)
        #expect(hash(isLater: true) === first)
        #expect(hash() === first)

        hashes.findPending()
        #expect(first.text == hashOfABC)
        #expect(first == VersionHash(hashOfABC))
    }

    @Test("a file that is touched after its hash was found is still the same")
    func touched() throws {
        let first = hash(isLater: true)
        hashes.findPending()
        try FileManager.default.setAttributes([.modificationDate: Date.distantPast], ofItemAtPath: model)
        #expect(hash() === first)
    }

    @Test("what has changed before it was read is another version, and the old one is never known")
    func changedBefore() throws {
        let first = hash(isLater: true)
        try folder.write("changed", to: "1/model.onnx")
        hashes.findPending()
        #expect(first.text == nil)

        let second = hash(isLater: true)
        #expect(second != first)
        #expect(second.text != nil)
    }

    @Test("two deployments of one file don't know each other", arguments: [true, false])
    func twice(isLater: Bool) throws {
        try folder.write("weights", to: "1/weights.bin")
        let all = hash(isLater: isLater)
        let alone = hashes.hash(ofModel: model, inFolder: false, isLater: isLater)
        #expect(hash() === all)
        #expect(hashes.hash(ofModel: model, inFolder: false) === alone)

        hashes.findPending()
        #expect(alone.text == hashOfABC)
        #expect(all.text != nil && all != alone)
    }

    @Test("folders beside a model don't count")
    func folders() throws {
        try folder.write("abc", to: "1/notes/a.txt")
        #expect(hash() === hash())
    }

    @Test("reading ends when it is told to")
    func stop() {
        let first = hash(isLater: true)
        hashes.stop()
        hashes.findPending()
        #expect(first.text == nil)
    }

    @Test("a file that isn't there is missing, whenever it would be read")
    func missing() throws {
        try FileManager.default.removeItem(atPath: model)
        #expect(hash(isLater: true).text == "missing")
        #expect(hash() == VersionHash("missing"))
    }
}
