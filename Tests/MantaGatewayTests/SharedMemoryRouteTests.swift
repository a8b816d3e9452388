import MantaCore
import MantaSharedMemory
import MantaTestKit
import Testing

@Suite("Shared memory over HTTP", .timeLimit(.minutes(1)))
struct SharedMemoryRouteTests {
    private let memory = SharedMemory()

    private func register(_ name: String, _ object: SharedMemoryObject, _ byteCount: Int) throws {
        try memory.register(.init(name: name, key: object.key, byteCount: byteCount))
    }

    private func place(_ region: String, _ byteCount: Int, offset: Int = 0) -> String {
        #""parameters":{"shared_memory_region":"\#(region)","shared_memory_byte_size":\#(byteCount)"#
            + (offset == 0 ? "}" : #","shared_memory_offset":\#(offset)}"#)
    }

    private func request(_ input: String, _ output: String) -> [UInt8] {
        body(
            #"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32",\#(input)}],"outputs":[{"name":"y",\#(output)}]}"#)
    }

    @Test("regions are registered, told and forgotten")
    func regions() async throws {
        let object = SharedMemoryObject([UInt8](repeating: 0, count: 64))
        let path = "/v2/systemsharedmemory"
        let registration = body(#"{"key":"\#(object.key)","offset":16,"byte_size":32}"#)
        let region = #"{"byte_size":32,"key":"\#(object.key)","name":"a b","offset":16}"#

        try await serving(identity, memory: memory) { client in
            func expect(_ method: String, _ path: String, _ status: Int, _ text: String, body: [UInt8]? = nil) throws {
                let reply = try client.request(method, path, body: body)
                #expect(reply.status == status && reply.text == text, "\(method) \(path): \(reply.text)")
            }
            try expect("GET", path + "/status", 200, "[]")
            try expect("POST", path + "/region/a%20b/register", 200, "", body: registration)
            try expect(
                "POST", path + "/region/a%20b/register", 400,
                #"{"error":"shared memory region \"a b\" is registered already"}"#, body: registration)
            try expect("POST", path + "/region/c/register", 200, "", body: registration)
            try expect("GET", path + "/region/a%20b/status", 200, "[\(region)]")
            try expect(
                "GET", path + "/status", 200,
                "[\(region),\(region.replacing("a b", with: "c"))]")
            try expect("POST", path + "/region/c/unregister", 200, "")
            try expect("POST", path + "/region/c/unregister", 200, "")
            try expect(
                "GET", path + "/region/c/status", 404, #"{"error":"shared memory region \"c\" is not registered"}"#)
            try expect("POST", path + "/unregister", 200, "")
            try expect("GET", path + "/status", 200, "[]")
        }
    }

    @Test(
        "a registration that isn't one is refused",
        arguments: ["", "[]", "{}", #"{"key":"/a"}"#, #"{"key":1,"byte_size":1}"#, #"{"key":"/a","byte_size":1e99}"#])
    func badRegistration(text: String) async throws {
        let reply = try await serving(identity, memory: memory) {
            try $0.request("POST", "/v2/systemsharedmemory/region/r/register", body: body(text))
        }

        #expect(reply.status == 400, "\(reply.text)")
    }

    @Test("where clients may not share memory, they are told how to allow it")
    func switchedOff() async throws {
        let message = "clients may not use shared memory here: start Manta with --allow-shared-memory"
        try await serving(identity) { client in
            for (method, path) in [
                ("GET", "/v2/systemsharedmemory/status"), ("POST", "/v2/systemsharedmemory/region/r/register"),
                ("POST", "/v2/systemsharedmemory/unregister"),
            ] {
                let reply = try client.request(method, path, body: method == "POST" ? body("{}") : nil)
                #expect(reply.status == 403 && reply.text == "{\"error\":\"\(message)\"}")
            }
            let input = try client.request(
                "POST", "/v2/models/m/infer", body: request(place("r", 8), #""parameters":{}"#))
            #expect(input.status == 403 && input.text == #"{"error":"input \"x\": \#(message)"}"#)
            let output = try client.request(
                "POST", "/v2/models/m/infer", body: request(#""data":[1,2]"#, place("r", 8)))
            #expect(output.status == 403 && output.text == #"{"error":"output \"y\": \#(message)"}"#)
        }
    }

    @Test("memory of a GPU: no regions, none to add, none to forget")
    func cuda() async throws {
        let path = "/v2/cudasharedmemory"
        try await serving(identity) { client in
            #expect(try client.request("GET", path + "/status").text == "[]")
            #expect(try client.request("GET", path + "/region/r/status").text == "[]")
            #expect(try client.request("POST", path + "/unregister").status == 200)
            #expect(try client.request("POST", path + "/region/r/unregister").status == 200)
            let refused = try client.request("POST", path + "/region/r/register", body: body("{}"))
            #expect(refused.status == 501 && refused.text.contains("CUDA shared memory isn't supported"))
        }
    }

    @Test("tensors come from, and go to, where the request says")
    func infer() async throws {
        let object = SharedMemoryObject([9, 9, 9, 9, 0, 0, 128, 63, 0, 0, 0, 64, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9])
        try register("r", object, 24)

        let reply = try await serving(identity, memory: memory) { [self] in
            try $0.request(
                "POST", "/v2/models/m/infer", body: request(place("r", 8, offset: 4), place("r", 9, offset: 13)))
        }

        #expect(reply.status == 200)
        #expect(
            reply.text
                == #"{"model_name":"m","model_version":"3","outputs":[{"name":"y","datatype":"FP32","shape":[1,2],"#
                + #""parameters":{"shared_memory_region":"r","shared_memory_byte_size":8,"shared_memory_offset":13}}]}"#
        )
        #expect(
            object.bytes == [9, 9, 9, 9, 0, 0, 128, 63, 0, 0, 0, 64, 9, 0, 0, 128, 63, 0, 0, 0, 64, 9, 9, 9])
    }

    @Test("an output that doesn't fit is refused, and no other is written")
    func tooSmall() async throws {
        let object = SharedMemoryObject([UInt8](repeating: 9, count: 16))
        try register("r", object, 16)
        let two = FakeEngine(
            signature: .init(
                inputs: [.init("x", .fp32, [-1, 2])],
                outputs: [.init("y", .fp32, [-1, 2]), .init("z", .fp32, [-1, 2])])
        ) { [$0[0]!, $0[0]!] }

        let reply = try await serving(two, memory: memory) { [self] in
            try $0.request(
                "POST", "/v2/models/m/infer",
                body: request(#""data":[1,2]"#, place("r", 8) + #"},{"name":"z",\#(place("r", 7, offset: 8))"#))
        }

        #expect(reply.status == 400)
        #expect(
            reply.text
                == #"{"error":"output \"z\": FP32 [1, 2] takes 8 bytes, but shared_memory_byte_size is 7"}"#)
        #expect(object.bytes == [UInt8](repeating: 9, count: 16))
    }

    @Test(
        "what is wrong with a place is named",
        arguments: [
            (
                #""data":[1,2],"parameters":{"shared_memory_region":"r","shared_memory_byte_size":8}"#,
                "input \\\"x\\\": expected one of data, its size in the parameter binary_data_size, or its place in the "
                    + "parameter shared_memory_region; found more than one"
            ),
            (
                #""parameters":{"shared_memory_region":"r"}"#,
                #"input \"x\": parameter \"shared_memory_byte_size\" is missing"#
            ),
            (
                #""parameters":{"shared_memory_byte_size":8}"#,
                #"input \"x\": parameter \"shared_memory_region\" is missing"#
            ),
            (
                #""parameters":{"shared_memory_region":7,"shared_memory_byte_size":8}"#,
                #"input \"x\": parameter \"shared_memory_region\": expected a string, found 7"#
            ),
            (
                #""parameters":{"shared_memory_region":"r","shared_memory_byte_size":-8}"#,
                #"input \"x\": parameter \"shared_memory_byte_size\": expected an integer of at least 0, found -8"#
            ),
            (
                #""parameters":{"shared_memory_region":"r","shared_memory_byte_size":8,"shared_memory_offset":0.5}"#,
                #"input \"x\": parameter \"shared_memory_offset\": expected an integer of at least 0, found 0.5"#
            ),
            (
                #""parameters":{"shared_memory_region":"q","shared_memory_byte_size":8}"#,
                #"input \"x\": shared memory region \"q\" is not registered"#
            ),
            (
                #""parameters":{"shared_memory_region":"r","shared_memory_byte_size":4}"#,
                #"input \"x\": shared_memory_byte_size is 4, but FP32 [1, 2] takes 8 bytes"#
            ),
            (
                #""parameters":{"shared_memory_region":"r","shared_memory_byte_size":8,"#
                    + #""shared_memory_offset":9223372036854775807}"#,
                "input \\\"x\\\": the part asked for: 8 bytes from byte 9223372036854775807 on aren't within the shared "
                    + "memory region \\\"r\\\", which has 8 bytes"
            ),
        ])
    func wrongPlace(input: String, message: String) async throws {
        let object = SharedMemoryObject([UInt8](repeating: 9, count: 8))
        try register("r", object, 8)

        let reply = try await serving(identity, memory: memory) { [self] in
            try $0.request("POST", "/v2/models/m/infer", body: request(input, #""parameters":{}"#))
        }

        #expect(reply.status == 400)
        #expect(reply.text == "{\"error\":\"\(message)\"}")
    }

    @Test("an output's place is looked at before the model runs")
    func outputPlace() async throws {
        let reply = try await serving(identity, memory: memory) { [self] in
            try $0.request("POST", "/v2/models/m/infer", body: request(#""data":[1,2]"#, place("q", 8)))
        }

        #expect(reply.text == #"{"error":"output \"y\": shared memory region \"q\" is not registered"}"#)
    }
}
