/// How the process is: `GET /admin/v1/status`.
struct ServerDocument: Decodable {
    struct Node: Decodable {
        let cpus: Double?
        let residentBytes: Int?
    }

    let version: String?
    let uptimeS: Double?
    let ready: Bool?
    let reason: String?
    let node: Node?
    let warnings: [String]?
}
