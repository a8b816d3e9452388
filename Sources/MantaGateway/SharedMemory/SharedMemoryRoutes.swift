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
        routes.on(.get, system + "/status") { _ in try .json(try available().regions.map(Document.init)) }
        routes.on(.get, system + "/region/{region}/status") { request in
            let name = request.parameters["region"] ?? ""
            guard let region = try available().regions.first(where: { $0.name == name }) else {
                throw HTTPError(.notFound, "shared memory region \"\(name)\" is not registered")
            }
            return try .json([Document(region)])
        }
        routes.on(.post, system + "/region/{region}/register", body: .required) { request in
            let memory = try available()
            let region = try Self.region(of: request)
            do throws(ServingError) {
                try memory.register(region)
            } catch {
                throw error.reply
            }
            return HTTPResponse()
        }
        for path in [system + "/unregister", system + "/region/{region}/unregister"] {
            routes.on(.post, path) { request in
                try available().unregister(request.parameters["region"])
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
            throw ServingError(
                .unsupported, "CUDA shared memory isn't supported: models run on CPUs; use system shared memory"
            ).reply
        }
        for path in [cuda + "/unregister", cuda + "/region/{region}/unregister"] {
            routes.on(.post, path) { _ in HTTPResponse() }
        }
    }

    private func available() throws(HTTPError) -> SharedMemory {
        guard let memory else { throw SharedMemory.forbidden.reply }
        return memory
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
