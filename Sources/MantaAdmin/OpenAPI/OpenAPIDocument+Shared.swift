extension OpenAPIDocument {
    static let parameters: JSONValue = [
        "model": [
            "name": "model", "in": "path", "required": true, "description": "The model's name, percent-encoded.",
            "schema": ["type": "string", "minLength": 1], "example": "digits-svm",
        ],
        "version": [
            "name": "version", "in": "path", "required": true, "description": "The number of a version.",
            "schema": ["type": "integer", "minimum": 1], "example": 1,
        ],
        "region": [
            "name": "region", "in": "path", "required": true,
            "description": "The region's name, percent-encoded.", "schema": ["type": "string", "minLength": 1],
            "example": "inputs",
        ],
        "name": [
            "name": "name", "in": "path", "required": true, "description": "The deployment's name, percent-encoded.",
            "schema": ["type": "string", "minLength": 1], "example": "digits-svm",
        ],
        "wait": [
            "name": "wait", "in": "query",
            "description": "How long to wait, at most 60 s, for the change to be done or halted.",
            "schema": [
                "type": "string", "pattern": "^(([0-9]|[1-5][0-9]|60)s|(0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|60000)ms)$",
            ],
            "example": "10s",
        ],
        "after": [
            "name": "after", "in": "query", "description": "Only the events that came after the one of this id.",
            "schema": ["type": "integer", "minimum": 0], "example": 17,
        ],
        "Last-Event-ID": [
            "name": "Last-Event-ID", "in": "header",
            "description": "The last event that a stream got before it broke; it goes on there.",
            "schema": ["type": "integer", "minimum": 0], "example": 17,
        ],
        "file": [
            "name": "file", "in": "path", "required": true, "description": "A file that the page names.",
            "schema": ["type": "string", "minLength": 1], "example": "console.js",
        ],
        "X-Request-Id": [
            "name": "X-Request-Id", "in": "header",
            "description": "Names the request in logs; comes back if it has 1 to 128 visible ASCII characters.",
            "schema": ["type": "string"], "example": "63d1c0f5a2b4e77",
        ],
        "X-Request-Timeout-Ms": [
            "name": "X-Request-Timeout-Ms", "in": "header",
            "description": "How long the request may wait for its run to begin. `parameters.timeout` overrides it.",
            "schema": ["type": "integer", "minimum": 1, "maximum": 86_400_000], "example": 500,
        ],
        "Inference-Header-Content-Length": [
            "name": "Inference-Header-Content-Length", "in": "header",
            "description": """
            How many bytes of the body are JSON, where binary tensors follow. With 0 the whole body is the model's one \
            input.
            """,
            "schema": ["type": "integer", "minimum": 0],
        ],
    ]

    static let headers: JSONValue = [
        "X-Request-Id": [
            "description": "The request's id, its own or a new one.", "required": true, "schema": ["type": "string"],
        ],
        "Retry-After": [
            "description": "After how many seconds another try can help.",
            "schema": ["type": "integer", "minimum": 1],
        ],
        "WWW-Authenticate": [
            "description": "What is asked for.", "required": true, "schema": ["type": "string"],
        ],
        "Server-Timing": [
            "description":
                "Where the time went, in milliseconds: `queue`, `batch`, `run` and `total`; `cache` where the answer came from it.",
            "required": true, "schema": ["type": "string"],
            "example": "queue;dur=0.012, batch;dur=0.003, run;dur=0.310, total;dur=0.402",
        ],
        "Inference-Header-Content-Length": [
            "description": "How many bytes of the body are JSON, where binary tensors follow.",
            "schema": ["type": "integer", "minimum": 1],
        ],
    ]

    /// The failures that several routes answer with, by status.
    static let failures: JSONValue = .object([
        failure(
            400, "The request is wrong; the message names what, what was found and what was expected.",
            "input \"X\": expected [-1, 64], got [1, 4]"),
        failure(
            401, "The listener asks for a token, and got none or another.",
            "a token is needed: send the header Authorization: Bearer TOKEN",
            headers: [("WWW-Authenticate", .header("WWW-Authenticate"))]),
        failure(
            403, "A page of another site asked for a change.",
            "a browser sent this for another site (Sec-Fetch-Site: cross-site)"),
        failure(404, "There is no such model, version or deployment.", "model \"digit\" is not found"),
        failure(408, "The request didn't arrive in time; the connection ends.", "the body took longer than 60 seconds"),
        failure(
            409, "What is served doesn't allow the change.",
            "digits-svm is configured by models/digits-svm/model.yaml, not by a PUT"),
        failure(
            411, "The request's length isn't announced.",
            "the request has no body: send it with Content-Length, or in chunks"),
        failure(
            413, "The body is larger than the listener takes.",
            "the body has 70000000 bytes, at most 67108864 are taken"),
        failure(
            415,
            "A `Content-Encoding` other than gzip and deflate; or, on the admin listener, a body other than JSON and YAML.",
            "Content-Encoding \"br\": expected gzip or deflate"),
        failure(
            421, "The listener doesn't go by the name in `Host`.", "this listener doesn't go by the name \"a.example\""),
        failure(
            429, "The model's queue is full.", "the queue of digits-svm version 1 is full: 1000 requests wait",
            headers: [("Retry-After", .header("Retry-After"))]),
        failure(
            431, "Request line and header fields are larger than the listener takes.",
            "the header fields are larger than 16384 bytes"),
        failure(499, "The client has gone. Only one that closed its sending side can read it.", "the client has gone"),
        failure(
            500, "The engine failed, with its words; or a mistake of Manta's, with none: the log has it.",
            "internal error"),
        failure(
            501, "A part of the protocol that Manta doesn't have yet.",
            "CUDA shared memory isn't supported: models run on CPUs; use system shared memory"),
        failure(
            503, "The model is loading or has failed, or the server stops; the message says which.",
            "digits-svm version 1 is loading, not ready yet", headers: [("Retry-After", .header("Retry-After"))]),
        failure(
            504, "The time was over before the answer was there.",
            "no answer within 500 ms: the time was over while the request waited for a replica"),
    ])

    private static func failure(
        _ code: Int, _ description: String, _ example: String, headers: [(String, JSONValue)] = []
    ) -> (name: String, value: JSONValue) {
        let content: JSONValue = [
            "application/json": ["schema": .schema("Error"), "example": ["error": .string(example)]]
        ]
        return (String(code), .reply(description, content: content, headers: headers))
    }
}
