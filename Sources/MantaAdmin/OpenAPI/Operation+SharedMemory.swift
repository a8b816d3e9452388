import MantaHTTP

extension Operation {
    /// The routes of the shared memory extensions.
    static let sharedMemory =
        memory("system", "/v2/systemsharedmemory", "shared memory of the machine") { example, summary in
            Operation(
                method: .post, path: example, id: "registerSystemSharedMemory", tag: "inference", listeners: .both,
                summary: summary, description: "\(switchedOff) A name can be taken once.",
                body: ["application/json": ["schema": .schema("SharedMemoryRegistration")]],
                replies: [200: ["description": "It is registered."], 403: .response(403), 429: .response(429)])
        }
        + memory("CUDA", "/v2/cudasharedmemory", "memory of a GPU, which Manta doesn't support") { example, summary in
            Operation(
                method: .post, path: example, id: "registerCUDASharedMemory", tag: "inference", listeners: .both,
                summary: summary, body: ["application/json": ["schema": ["type": "object"]]],
                replies: [501: .response(501)])
        }

    private static let switchedOff = "Off unless Manta was started with --allow-shared-memory."

    private static func memory(
        _ kind: String, _ path: String, _ what: String, register: (_ path: String, _ summary: String) -> Operation
    ) -> [Operation] {
        let status = JSONValue.reply("The regions.", .list(of: .schema("SharedMemoryRegion")))
        let region = path + "/region/{region}"
        return [
            Operation(
                method: .get, path: path + "/status", id: "get\(kind)SharedMemory", tag: "inference", listeners: .both,
                summary: "The regions of \(what)", replies: [200: status, 403: .response(403)]),
            Operation(
                method: .get, path: region + "/status", id: "get\(kind)SharedMemoryRegion", tag: "inference",
                listeners: .both, summary: "One region of \(what)",
                replies: [200: status, 403: .response(403), 404: .response(404)]),
            register(region + "/register", "Registers a region of \(what)"),
            Operation(
                method: .post, path: path + "/unregister", id: "unregister\(kind)SharedMemory", tag: "inference",
                listeners: .both, summary: "Forgets all regions of \(what)",
                replies: [200: ["description": "They are forgotten."], 403: .response(403)]),
            Operation(
                method: .post, path: region + "/unregister", id: "unregister\(kind)SharedMemoryRegion",
                tag: "inference", listeners: .both, summary: "Forgets a region of \(what)",
                description: "One that isn't there is none to forget.",
                replies: [200: ["description": "It is forgotten."], 403: .response(403)]),
        ]
    }
}
