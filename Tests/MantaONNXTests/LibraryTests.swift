import MantaCore
import Synchronization
import Testing

@testable import MantaONNX

#if canImport(Glibc)
    import Glibc
#endif

@Suite("ONNX Runtime's library")
struct LibraryTests {
    @Test("the engine tells its names and the library's version")
    func names() throws {
        let engine = try ONNXRuntimeEngine()

        #expect(engine.name == "onnxruntime")
        #expect(engine.platform == "onnxruntime_onnx")
        #expect(engine.defaultFileName == "model.onnx")
        #expect(LoadedLibrary.minor(of: engine.version) >= 21)
    }

    @Test("telemetry is switched off before the library is loaded")
    func telemetry() throws {
        _ = try ONNXRuntimeEngine()

        #expect(unsafe getenv("ORT_DISABLE_TELEMETRY").map { unsafe String(cString: $0) } == "1")
    }

    @Test("a library that isn't there is an error that says what to do")
    func missing() {
        let error = #expect(throws: ServingError.self) { try ONNXRuntimeEngine(libraryPath: "/nowhere/lib.so") }

        #expect(error?.code == .modelUnavailable)
        #expect(
            error?.message
                == "ONNX Runtime's library was not found: looked for \"/nowhere/lib.so\"; install libonnxruntime-dev, "
                + "or ONNX Runtime 1.21 or newer, or set MANTA_ONNXRUNTIME_LIBRARY to its file")
    }

    @Test("a file that is no library is an error with the loader's reason")
    func notALibrary() throws {
        let path = Fixture.path("text")
        let error = try #require(#expect(throws: ServingError.self) { try ONNXRuntimeEngine(libraryPath: path) })

        #expect(error.message.contains("looked for \"\(path)\" (\(path): "))
    }

    @Test("a library of something else is an error")
    func otherLibrary() {
        let error = #expect(throws: ServingError.self) { try ONNXRuntimeEngine(libraryPath: "libc.so.6") }

        #expect(error?.message == "\"libc.so.6\" is not ONNX Runtime's library")
    }

    @Test("the executable's folders come before the system's")
    func order() {
        let search = LibrarySearch(path: nil, executable: "/opt/manta/bin/manta")

        #expect(
            search.candidates == [
                "/opt/manta/bin/libonnxruntime.so.1", "/opt/manta/bin/libonnxruntime.so.1.21",
                "/opt/manta/bin/libonnxruntime.so",
                "/opt/manta/bin/../lib/libonnxruntime.so.1", "/opt/manta/bin/../lib/libonnxruntime.so.1.21",
                "/opt/manta/bin/../lib/libonnxruntime.so",
                "libonnxruntime.so.1", "libonnxruntime.so.1.21", "libonnxruntime.so",
            ])
    }

    @Test(
        "the version's second number counts",
        arguments: [("1.28.0", 28), ("1.9.1", 9), ("2.0.0", 0), ("1", 0), ("", 0), ("1.x", 0)])
    func minorVersion(text: String, minor: Int) {
        #expect(LoadedLibrary.minor(of: text) == minor)
    }
}

@Suite("The runtime's log")
struct RuntimeLogTests {
    @Test("the runtime's errors go to the log given")
    func log() throws {
        let entries = Mutex<[RuntimeLogEntry]>([])
        let engine = try ONNXRuntimeEngine { entry in entries.withLock { $0.append(entry) } }
        let model = try engine.load(ModelSource(path: Fixture.path("gather")))

        #expect(throws: ServingError.self) {
            try model.run([Tensor(shape: [1], [1234] as [Int64])], outputs: [0])
        }

        let found = entries.withLock { $0.filter { $0.message.contains("idx=1234") } }
        #expect(found.map(\.isError) == [true])
        #expect(found.first?.message.hasPrefix("a node of type Gather: ") == true)
    }
}
