import MantaHTTP

/// One route, as the document describes it.
struct Operation: Sendable {
    /// Which listeners answer a route.
    enum Listeners: Sendable {
        case both, admin
    }

    /// What is asked and answered by a status of its own; those that every route may answer are added.
    typealias Replies = KeyValuePairs<Int, JSONValue>

    let method: HTTPMethod
    /// As the route is registered: `/v2/models/{model}`.
    let path: String
    /// Its name for generated clients.
    let id: String
    let tag: String
    let listeners: Listeners
    let summary: String
    var description: String?
    /// Whether it asks for no token even where the others do.
    var isOpen = false
    /// Query parameters and header fields; those of the path are added.
    var parameters: [JSONValue] = []
    /// The media types of its body; `nil` if it has none.
    var body: JSONValue?
    /// Whether it must have one.
    var isBodyRequired = true
    let replies: Replies

    /// The Operation Object of the specification.
    var document: JSONValue {
        var object: JSONValue = [
            "operationId": .string(id), "tags": [.string(tag)], "summary": .string(summary),
        ]
        if let description { object = object.with("description", .string(description)) }
        if isOpen { object = object.with("security", []) }
        let parameters = pathParameters + parameters
        if !parameters.isEmpty { object = object.with("parameters", .array(parameters)) }
        if let body { object = object.with("requestBody", ["required": .bool(isBodyRequired), "content": body]) }
        return object.with("responses", responses).with("servers", listeners.servers)
    }

    private var pathParameters: [JSONValue] {
        // What follows the brace is no part of the parameter: `{model}:predict`.
        path.split(separator: "/").filter { $0.hasPrefix("{") }.map { .parameter($0.dropFirst().prefix { $0 != "}" }) }
    }

    private var responses: JSONValue {
        var all: [Int: JSONValue] = [:]
        for code in [400, 408, 413, 415, 421, 431, 500, 503, 504] { all[code] = .response(code) }
        if !isOpen { all[401] = .response(401) }
        if body != nil, isBodyRequired { all[411] = .response(411) }
        // The admin listener refuses changes that pages of other sites ask for.
        if method != .get { all[403] = .response(403) }
        for (code, reply) in replies { all[code] = reply }
        return .object(all.sorted { $0.key < $1.key }.map { (String($0.key), $0.value) })
    }
}

extension Operation.Listeners {
    /// Where the listeners are if nobody says otherwise.
    fileprivate var servers: JSONValue {
        let inference = Self.server(port: 8000, "The inference listener.")
        let admin = Self.server(port: 8002, "The admin listener.")
        return switch self {
        case .both: [inference, admin]
        case .admin: [admin]
        }
    }

    private static func server(port: Int, _ description: JSONValue) -> JSONValue {
        [
            "url": "{scheme}://{host}:{port}", "description": description,
            "variables": [
                "scheme": ["default": "http", "enum": ["http", "https"]], "host": ["default": "127.0.0.1"],
                "port": ["default": "\(port)"],
            ],
        ]
    }
}

extension JSONValue {
    /// A schema of the document's list.
    static func schema(_ name: String) -> JSONValue { ["$ref": "#/components/schemas/\(name)"] }

    /// A parameter of the document's list.
    static func parameter(_ name: some StringProtocol) -> JSONValue {
        ["$ref": "#/components/parameters/\(String(name))"]
    }

    /// The failure of this status in the document's list.
    static func response(_ code: Int) -> JSONValue { ["$ref": "#/components/responses/\(String(code))"] }

    /// A reply of JSON.
    static func reply(_ description: String, _ schema: JSONValue, example: JSONValue? = nil) -> JSONValue {
        reply(
            description, content: ["application/json": JSONValue.object([("schema", schema)]).with("example", example)])
    }

    /// A reply of these media types, with header fields beyond the request's id.
    static func reply(_ description: String, content: JSONValue, headers: [(String, JSONValue)] = []) -> JSONValue {
        let all = [("X-Request-Id", JSONValue.header("X-Request-Id"))] + headers
        return [
            "description": .string(description), "headers": .object(all.map { ($0.0, $0.1) }), "content": content,
        ]
    }

    /// A header field of the document's list.
    static func header(_ name: String) -> JSONValue { ["$ref": "#/components/headers/\(name)"] }

    /// A list of values of one schema.
    static func list(of schema: JSONValue) -> JSONValue { ["type": "array", "items": schema] }

    /// A value of this schema, or `null`.
    static func optional(_ schema: JSONValue) -> JSONValue { ["anyOf": [schema, ["type": "null"]]] }

    /// An object. What isn't named may be there too, since later versions say more.
    static func record(about description: String? = nil, optional: [String] = [], _ members: Members) -> JSONValue {
        let required = members.map(\.key).filter { !optional.contains($0) }
        var object: JSONValue = ["type": "object"]
        if let description { object = object.with("description", .string(description)) }
        if !required.isEmpty { object = object.with("required", .array(required.map(JSONValue.string))) }
        return object.with("properties", .object(members.map { ($0.key, $0.value) }))
    }

    /// Members of an object and their schemas.
    typealias Members = KeyValuePairs<String, JSONValue>
}
