import MantaHTTP

extension Operation {
    /// Triton's extensions of the protocol that aren't about tensors.
    static let extensions =
        [
            Operation(
                method: .get, path: "/v2/models", id: "listModels", tag: "inference", listeners: .both,
                summary: "The names of the models",
                replies: [200: .reply("The names.", .schema("ModelList"), example: ["models": ["digits-svm"]])])
        ] + statistics + logging + traces
        + generate(path: "/v2/models/{model}", suffix: "")
        + generate(path: "/v2/models/{model}/versions/{version}", suffix: "WithVersion")

    private static let statistics = [
        ("/v2/models/stats", "getStatistics", "all models"),
        ("/v2/models/{model}/stats", "getModelStatistics", "a model"),
        ("/v2/models/{model}/versions/{version}/stats", "getModelVersionStatistics", "one version"),
    ].map { path, id, whose in
        Operation(
            method: .get, path: path, id: id, tag: "settings", listeners: .both,
            summary: "What was counted of \(whose)",
            replies: [
                200: .reply("One entry a version.", .record(["model_stats": .list(of: .schema("ModelStatistics"))])),
                404: .response(404),
            ])
    }

    private static let whoMayChange =
        "On the inference listener 403, unless Manta was started with --allow-model-control."

    private static let logging = [
        Operation(
            method: .get, path: "/v2/logging", id: "getLogSettings", tag: "settings", listeners: .both,
            summary: "What is logged", replies: [200: .reply("The settings.", .schema("LogSettings"))]),
        Operation(
            method: .post, path: "/v2/logging", id: "setLogSettings", tag: "settings", listeners: .both,
            summary: "Changes what is logged", description: whoMayChange,
            body: [
                "application/json": [
                    "schema": .schema("LogSettingsChange"), "example": ["log_info": false, "log_verbose_level": 1],
                ]
            ],
            isBodyRequired: false,
            replies: [200: .reply("All settings.", .schema("LogSettings")), 403: .response(403)]),
    ]

    private static let traces = [
        ("/v2/trace/setting", "TraceSettings", "of the server"),
        (
            "/v2/models/{model}/trace/setting", "ModelTraceSettings",
            "of a model, which has the server's but for its own"
        ),
    ].flatMap { path, id, whose in
        [
            Operation(
                method: .get, path: path, id: "get\(id)", tag: "settings", listeners: .both,
                summary: "What is traced \(whose)",
                replies: [200: .reply("The settings.", .schema("TraceSettings")), 404: .response(404)]),
            Operation(
                method: .post, path: path, id: "set\(id)", tag: "settings", listeners: .both,
                summary: "Changes what is traced \(whose)", description: whoMayChange,
                body: [
                    "application/json": [
                        "schema": .schema("TraceSettingsChange"),
                        "example": ["trace_level": ["TIMESTAMPS"], "trace_rate": "100"],
                    ]
                ],
                isBodyRequired: false,
                replies: [
                    200: .reply("All settings.", .schema("TraceSettings")), 403: .response(403), 404: .response(404),
                ]),
        ]
    }

    private static func generate(path: String, suffix: String) -> [Operation] {
        let example: JSONValue = ["id": "a text", "text_input": "ham", "parameters": ["timeout": 1_000_000]]
        let body: JSONValue = ["application/json": ["schema": .schema("GenerateRequest"), "example": example]]
        let failures: [(Int, JSONValue)] = [404, 429, 499, 501].map { ($0, .response($0)) }
        return [
            Operation(
                method: .post, path: path + "/generate", id: "generate\(suffix)", tag: "inference", listeners: .both,
                summary: "Runs a model on inputs by name, without shapes",
                parameters: [.parameter("X-Request-Timeout-Ms"), .parameter("X-Request-Id")], body: body,
                replies: [
                    200: .reply(
                        "The outputs by name.", content: ["application/json": ["schema": .schema("GenerateReply")]],
                        headers: [("Server-Timing", .header("Server-Timing"))]),
                    404: failures[0].1, 429: failures[1].1, 499: failures[2].1, 501: failures[3].1,
                ]),
            Operation(
                method: .post, path: path + "/generate_stream", id: "generateStream\(suffix)", tag: "inference",
                listeners: .both, summary: "The same as a stream of events, of which there is one",
                parameters: [.parameter("X-Request-Timeout-Ms"), .parameter("X-Request-Id")], body: body,
                replies: [
                    200: .reply(
                        "`data` is a reply as of generate.",
                        content: ["text/event-stream": ["schema": ["type": "string"]]],
                        headers: [("Server-Timing", .header("Server-Timing"))]),
                    404: failures[0].1, 429: failures[1].1, 499: failures[2].1, 501: failures[3].1,
                ]),
        ]
    }
}
