/// How the process is: `GET /admin/v1/status`.
struct ServerDocument: Decodable {
    struct Node: Decodable {
        let cpus: Double?
        let residentBytes: Int?
    }

    /// The fleet that it is a front of.
    struct Fleet: Decodable {
        struct Node: Decodable {
            struct Group: Decodable {
                let name: String
                let ready: Int
                let assigned: Int
                let reason: String?
            }

            let id: String
            let kind: String
            let address: String
            let state: String
            let cpus: Double
            let labels: [String: String]
            let groups: [Group]
        }

        let node: String
        let leader: String?
        let storeSilentS: Double?
        let nodes: [Node]
    }

    let version: String?
    let fleet: Fleet?
    let uptimeS: Double?
    let ready: Bool?
    let reason: String?
    let node: Node?
    let warnings: [String]?
}
