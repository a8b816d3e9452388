import FoundationEssentials

// The messages of etcd's JSON gateway (etcd v3 API, "rpc.proto"). Fields that are zero, false or empty are left out of
// replies, so all are optional there. A request's field that etcd doesn't know is ignored without a word: requests are
// made from these types only.

/// What is asked of etcd.
protocol EtcdRequest: Encodable, Sendable {
    associatedtype Reply: EtcdReply

    /// Where it is posted.
    static var path: String { get }
    /// Whether asking twice comes to the same as asking once.
    static var isRepeatable: Bool { get }
}

/// What etcd answers.
protocol EtcdReply: Decodable, Sendable {
    var header: EtcdHeader? { get }
}

/// In each answer of an etcd.
struct EtcdHeader: Decodable {
    let revision: EtcdNumber?
    let cluster: EtcdNumber

    private enum CodingKeys: String, CodingKey {
        case revision
        case cluster = "cluster_id"
    }
}

/// A number of 64 bits, which is a string in JSON. One without a sign has the same bits.
struct EtcdNumber: Codable, Equatable {
    let value: Int64

    init(_ value: Int64) {
        self.value = value
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let text = try? container.decode(String.self) else {
            value = try container.decode(Int64.self)
            return
        }
        guard let value = Int64(text) ?? UInt64(text).map({ Int64(bitPattern: $0) }) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected a number of 64 bits")
        }
        self.value = value
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(String(value))
    }
}

/// An entry, or in the event of a deletion what was deleted.
struct EtcdKeyValue: Decodable {
    let key: Data?
    let value: Data?
    let created: EtcdNumber?
    let modified: EtcdNumber?
    let lease: EtcdNumber?

    private enum CodingKeys: String, CodingKey {
        case key, value, lease
        case created = "create_revision"
        case modified = "mod_revision"
    }
}

// MARK: - Keys

struct EtcdRange: EtcdRequest {
    struct Reply: EtcdReply {
        let header: EtcdHeader?
        let kvs: [EtcdKeyValue]?
        let more: Bool?
    }

    static let path = "/v3/kv/range"
    static let isRepeatable = true

    var key: Data
    var rangeEnd: Data?
    var limit: EtcdNumber?
    var revision: EtcdNumber?
    var sortOrder: String?
    var sortTarget: String?
    var keysOnly: Bool?

    private enum CodingKeys: String, CodingKey {
        case key, limit, revision
        case rangeEnd = "range_end"
        case sortOrder = "sort_order"
        case sortTarget = "sort_target"
        case keysOnly = "keys_only"
    }
}

struct EtcdTransaction: EtcdRequest {
    struct Reply: EtcdReply {
        let header: EtcdHeader?
        let succeeded: Bool?
    }

    struct Compare: Encodable {
        let key: Data
        let modified: EtcdNumber
        let target = "MOD"
        let result = "EQUAL"

        private enum CodingKeys: String, CodingKey {
            case key, target, result
            case modified = "mod_revision"
        }
    }

    struct Operation: Encodable {
        struct Put: Encodable {
            let key: Data
            let value: Data
            let lease: EtcdNumber?
        }

        struct Delete: Encodable {
            let key: Data
        }

        var put: Put?
        var delete: Delete?

        private enum CodingKeys: String, CodingKey {
            case put = "request_put"
            case delete = "request_delete_range"
        }
    }

    static let path = "/v3/kv/txn"
    static let isRepeatable = false

    let compare: [Compare]
    let success: [Operation]
}

// MARK: - Leases

struct EtcdLeaseGrant: EtcdRequest {
    struct Reply: EtcdReply {
        let header: EtcdHeader?
        let id: EtcdNumber?
        let timeToLive: EtcdNumber?

        private enum CodingKeys: String, CodingKey {
            case header
            case id = "ID"
            case timeToLive = "TTL"
        }
    }

    static let path = "/v3/lease/grant"
    /// A lease that nobody knows of ends by itself.
    static let isRepeatable = true

    let timeToLive: EtcdNumber

    private enum CodingKeys: String, CodingKey {
        case timeToLive = "TTL"
    }
}

struct EtcdLeaseKeepAlive: EtcdRequest {
    /// The first message of a stream, which is all there is.
    struct Reply: EtcdReply {
        let result: EtcdLeaseGrant.Reply?

        var header: EtcdHeader? { result?.header }
    }

    static let path = "/v3/lease/keepalive"
    static let isRepeatable = true

    let id: EtcdNumber

    private enum CodingKeys: String, CodingKey {
        case id = "ID"
    }
}

struct EtcdLeaseRevoke: EtcdRequest {
    struct Reply: EtcdReply {
        let header: EtcdHeader?
    }

    static let path = "/v3/lease/revoke"
    static let isRepeatable = true

    let id: EtcdNumber

    private enum CodingKeys: String, CodingKey {
        case id = "ID"
    }
}

// MARK: - Users and errors

struct EtcdAuthenticate: EtcdRequest {
    struct Reply: EtcdReply {
        let header: EtcdHeader?
        let token: String?
    }

    static let path = "/v3/auth/authenticate"
    static let isRepeatable = true

    let name: String
    let password: String
}

/// Why etcd didn't do what it was asked.
struct EtcdFailure: Decodable {
    /// As in gRPC.
    let code: Int
    let message: String

    private enum CodingKeys: String, CodingKey {
        case code, message, error
    }

    /// In place of a stream's message.
    private enum StreamCodingKeys: String, CodingKey {
        case message
        case code = "grpc_code"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let code = try container.decodeIfPresent(Int.self, forKey: .code) {
            self.code = code
            message = try container.decodeIfPresent(String.self, forKey: .message) ?? "code \(code)"
        } else {
            let error = try container.nestedContainer(keyedBy: StreamCodingKeys.self, forKey: .error)
            code = try error.decode(Int.self, forKey: .code)
            message = try error.decodeIfPresent(String.self, forKey: .message) ?? "code \(code)"
        }
    }
}

// MARK: - Watches

struct EtcdWatchCreate: Encodable {
    struct Create: Encodable {
        let key: Data
        let rangeEnd: Data?
        let startRevision: EtcdNumber
        /// Lets etcd split what would make a very large message.
        let fragment = true

        private enum CodingKeys: String, CodingKey {
            case key, fragment
            case rangeEnd = "range_end"
            case startRevision = "start_revision"
        }
    }

    static let path = "/v3/watch"

    let create: Create

    private enum CodingKeys: String, CodingKey {
        case create = "create_request"
    }
}

/// One line of a watch's reply.
struct EtcdWatchMessage: Decodable {
    struct Result: Decodable {
        let header: EtcdHeader?
        let created: Bool?
        let canceled: Bool?
        let compactRevision: EtcdNumber?
        let cancelReason: String?
        /// Whether more events of the same message follow in the next.
        let fragment: Bool?
        let events: [Event]?

        private enum CodingKeys: String, CodingKey {
            case header, created, canceled, fragment, events
            case compactRevision = "compact_revision"
            case cancelReason = "cancel_reason"
        }
    }

    struct Event: Decodable {
        /// `nil` for a put.
        let type: String?
        let kv: EtcdKeyValue?
    }

    struct Failure: Decodable {
        let message: String?
    }

    let result: Result?
    let error: Failure?
}
