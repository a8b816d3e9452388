import MantaCore
import MantaSharedMemory
import MantaTestKit
import Testing

/// Why something was refused.
func refusal(
    _ code: ServingError.Code = .invalidRequest, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws(ServingError) -> Void
) -> String {
    do {
        try body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
        return ""
    } catch {
        #expect(error.code == code, sourceLocation: sourceLocation)
        return error.message
    }
}

extension Tensor {
    var bytes: [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }
}

@Suite("Regions of shared memory")
struct RegionTests {
    private let memory = SharedMemory()

    @Test("regions are told by name, and forgotten one by one or all at once")
    func registers() throws {
        let object = SharedMemoryObject([UInt8](repeating: 0, count: 64))
        let regions = ["b", "a", "c"].map { SharedMemory.Region(name: $0, key: object.key, offset: 8, byteCount: 56) }

        for region in regions { try memory.register(region) }
        #expect(memory.regions == regions.sorted { $0.name < $1.name })
        memory.unregister("b")
        memory.unregister("nobody")
        #expect(memory.regions.map(\.name) == ["a", "c"])
        memory.unregister(nil)
        #expect(memory.regions.isEmpty)
    }

    @Test("a name can be taken once, and again when it is free")
    func taken() throws {
        let object = SharedMemoryObject([1, 2, 3, 4])
        let region = SharedMemory.Region(name: "r", key: object.key, byteCount: 4)
        try memory.register(region)

        #expect(
            refusal(.alreadyExists) { () throws(ServingError) in try memory.register(region) }
                == #"shared memory region "r" is registered already"#)
        memory.unregister("r")
        try memory.register(region)
    }

    @Test("no more regions are taken than the limit says")
    func bounded() throws {
        let object = SharedMemoryObject([0])
        var limits = SharedMemory.Limits()
        limits.regions = 2
        let memory = SharedMemory(limits: limits)
        for name in ["a", "b"] { try memory.register(.init(name: name, key: object.key, byteCount: 1)) }

        #expect(
            refusal(.overloaded) { () throws(ServingError) in
                try memory.register(.init(name: "c", key: object.key, byteCount: 1))
            } == "2 shared memory regions are registered, and no more are taken")
    }

    @Test(
        "a region lies within its object",
        arguments: [(0, 9), (1, 8), (9, 0), (-1, 1), (0, -1), (8, .max), (.max, .max), (.min, 0), (.max, 1)])
    func outside(offset: Int, byteCount: Int) {
        let object = SharedMemoryObject([UInt8](repeating: 0, count: 8))

        #expect(
            refusal { () throws(ServingError) in
                try memory.register(.init(name: "r", key: object.key, offset: offset, byteCount: byteCount))
            }
                == "shared memory region \"r\": \(byteCount) bytes from byte \(offset) on aren't within the object "
                + "\"\(object.key)\", which has 8 bytes")
        #expect(memory.regions.isEmpty)
    }

    @Test("a region may be empty, even at the object's end", arguments: [0, 3])
    func empty(size: Int) throws {
        let object = SharedMemoryObject([UInt8](repeating: 0, count: size))

        try memory.register(.init(name: "r", key: object.key, offset: size, byteCount: 0))

        #expect(try memory.read(MemorySlice(region: "r", byteCount: 0), .fp32, [0, 3]).byteCount == 0)
    }

    @Test(
        "keys that name no object of its own are refused",
        arguments: ["", "/", "name", "/a/b", "//", "/../etc/passwd", "/a\0b", "/" + String(repeating: "x", count: 256)])
    func keys(key: String) {
        let message = refusal { () throws(ServingError) in try memory.register(.init(name: "r", key: key, byteCount: 0))
        }

        #expect(message.contains("expected \"/\" and a name of 1 to 255 bytes without another \"/\""))
    }

    @Test(
        "what isn't a shared memory object, or isn't there, is refused", arguments: ["/.", "/..", "/nobody-made-this"])
    func noObject(key: String) {
        let message = refusal { () throws(ServingError) in try memory.register(.init(name: "r", key: key, byteCount: 0))
        }

        #expect(message.hasPrefix(#"shared memory region "r": the shared memory object "\#(key)" can't be opened: "#))
    }

    @Test("names have a length", arguments: [0, 1025])
    func names(length: Int) {
        #expect(
            refusal { () throws(ServingError) in
                try memory.register(.init(name: String(repeating: "n", count: length), key: "/x", byteCount: 0))
            } == "a region's name has 1 to 1024 bytes")
    }

    @Test("a region outlives the name of its object")
    func unlinked() throws {
        let object = SharedMemoryObject([5, 6])
        try memory.register(.init(name: "r", key: object.key, byteCount: 2))
        object.unlink()

        #expect(try memory.read(MemorySlice(region: "r", byteCount: 2), .uint8, [2]).bytes == [5, 6])
        #expect(
            refusal { () throws(ServingError) in
                try memory.register(.init(name: "again", key: object.key, byteCount: 2))
            }.hasSuffix("there is no object of that name"))
    }
}
