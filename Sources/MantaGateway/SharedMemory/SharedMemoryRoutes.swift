import FoundationEssentials
import MantaCore
import MantaHTTP
import MantaSharedMemory

/// The shared memory extensions of the protocol over HTTP.
struct SharedMemoryRoutes: Sendable {
    private let memory: SharedMemory?

    /// Routes to this memory; `nil` if clients may not share any.
    init(_ memory: SharedMemory?) {
        self.memory = memory
    }

    /// Adds the extensions' routes.
    func register(in routes: inout Routes) {
        let system = "/v2/systemsharedmemory"
        on(.get, system + "/status", in: &routes) { memory, _ in try .json(memory.regions.map(Document.init)) }
        on(.get, system + "/region/{region}/status", in: &routes) { memory, request in
            try .json([Document(try memory.region(request.parameters["region"] ?? ""))])
        }
        on(.post, system + "/region/{region}/register", body: .required, in: &routes) { memory, request in
            try memory.register(try Self.region(of: request))
            return HTTPResponse()
        }
        for path in [system + "/unregister", system + "/region/{region}/unregister"] {
            on(.post, path, in: &routes) { memory, request in
                memory.unregister(request.parameters["region"])
                return HTTPResponse()
            }
        }
        Self.registerCUDA(in: &routes)
    }

    /// Memory of a GPU: there is none, so there is nothing to tell, nothing to forget, and nothing can be added.
    private static func registerCUDA(in routes: inout Routes) {
        let cuda = "/v2/cudasharedmemory"
        for path in [cuda + "/status", cuda + "/region/{region}/status"] {
            routes.on(.get, path) { _ in try .json([Document]()) }
        }
        routes.on(.post, cuda + "/region/{region}/register", body: .required) { _ in
            throw SharedMemory.onlyOfSystem.reply
        }
        for path in [cuda + "/unregister", cuda + "/region/{region}/unregister"] {
            routes.on(.post, path) { _ in HTTPResponse() }
        }
    }

    /// Adds a route to what needs memory that clients may share.
    private func on(
        _ method: HTTPMethod, _ path: String, body: Routes.BodyPolicy = .optional, in routes: inout Routes,
        _ handler: @escaping @Sendable (SharedMemory, HTTPRequest) throws -> HTTPResponse
    ) {
        routes.on(method, path, body: body) { request in
            do {
                return try handler(try memory.orForbidden(), request)
            } catch let error as ServingError {
                throw error.reply
            }
        }
    }

    private static func region(of request: HTTPRequest) throws(HTTPError) -> SharedMemory.Region {
        guard let body = try? JSONDecoder().decode(Registration.self, from: Data(request.body)) else {
            throw HTTPError(
                .badRequest,
                "the body is not what is expected: {\"key\": \"/name\", \"byte_size\": n}, and \"offset\" if it isn't 0"
            )
        }
        return SharedMemory.Region(
            name: request.parameters["region"] ?? "", key: body.key, offset: body.offset ?? 0, byteCount: body.byteCount
        )
    }

    private struct Registration: Decodable {
        let key: String
        let offset: Int?
        let byteCount: Int

        enum CodingKeys: String, CodingKey {
            case key, offset
            case byteCount = "byte_size"
        }
    }

    private struct Document: Encodable {
        let name: String
        let key: String
        let offset: Int
        let byteSize: Int

        init(_ region: SharedMemory.Region) {
            (name, key, offset, byteSize) = (region.name, region.key, region.offset, region.byteCount)
        }
    }
}
