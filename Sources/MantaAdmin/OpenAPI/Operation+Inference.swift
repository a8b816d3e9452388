import MantaHTTP

extension Operation {
    /// The routes of the inference listener, which the admin listener answers too.
    static let inference =
        health + models(path: "/v2/models/{model}", suffix: "", "the highest version that is ready")
        + models(path: "/v2/models/{model}/versions/{version}", suffix: "Version", "one version") + repository
        + sharedMemory + extensions + predict

    private static let health = [
        Operation(
            method: .get, path: "/v2/health/live", id: "isLive", tag: "health", listeners: .both,
            summary: "Whether the process runs", isOpen: true,
            replies: [200: .reply("It runs.", .schema("Live"), example: ["live": true])]),
        Operation(
            method: .get, path: "/v2/health/ready", id: "isReady", tag: "health", listeners: .both,
            summary: "Whether the server should get requests",
            description: "It should once every model is ready or has failed, unless all have failed.", isOpen: true,
            replies: [
                200: .reply("It should.", .schema("Ready"), example: ["ready": true]),
                503: .reply(
                    "It shouldn't, and why.", .schema("NotReady"),
                    example: ["ready": false, "error": "digits-svm is loading"]),
            ]),
        Operation(
            method: .get, path: "/v2", id: "getServer", tag: "inference", listeners: .both,
            summary: "Name, version and extensions of the server",
            replies: [200: .reply("The server.", .schema("Server"))]),
    ]

    private static let repository =
        [
            Operation(
                method: .post, path: "/v2/repository/index", id: "listRepository", tag: "inference", listeners: .both,
                summary: "The models that there are, and their states",
                body: [
                    "application/json": [
                        "schema": [
                            "type": "object",
                            "properties": [
                                "ready": [
                                    "type": ["boolean", "null"],
                                    "description": "True leaves out all but those that are ready.",
                                ]
                            ],
                        ],
                        "example": ["ready": true],
                    ]
                ],
                isBodyRequired: false,
                replies: [200: .reply("The models, one entry a version.", .schema("RepositoryIndex"))])
        ]
        + [("load", "Puts a model into service, or reads it again"), ("unload", "Takes a model out of service")].map {
            action, summary in
            Operation(
                method: .post, path: "/v2/repository/models/{model}/\(action)", id: "\(action)Model", tag: "inference",
                listeners: .both, summary: summary,
                description: "Off unless Manta was started with --allow-model-control. Answers when it is done.",
                body: [
                    "application/json": [
                        "schema": [
                            "type": "object", "properties": ["parameters": ["type": ["object", "null"]]],
                        ],
                        "example": [:],
                    ]
                ],
                isBodyRequired: false,
                replies: [
                    200: ["description": "It is done."], 403: .response(403), 404: .response(404),
                    501: .response(501), 503: .response(503),
                ])
        }

    /// The routes of a model, which is asked for with or without a version.
    private static func models(path: String, suffix: String, _ which: String) -> [Operation] {
        [
            Operation(
                method: .get, path: path, id: "getModel\(suffix)", tag: "inference", listeners: .both,
                summary: "Inputs and outputs of \(which)",
                replies: [200: .reply("What the model takes and gives.", .schema("Model")), 404: .response(404)]),
            Operation(
                method: .get, path: path + "/config", id: "getModelConfiguration\(suffix)", tag: "inference",
                listeners: .both, summary: "How \(which) is served, as Triton's clients know it",
                replies: [
                    200: .reply("The configuration in force.", .schema("ModelConfiguration")), 404: .response(404),
                ]),
            Operation(
                method: .get, path: path + "/ready", id: "isModel\(suffix)Ready", tag: "inference", listeners: .both,
                summary: "Whether \(which) takes requests",
                replies: [
                    200: .reply("It does.", .schema("Ready"), example: ["name": "digits-svm", "ready": true]),
                    404: .response(404),
                    503: .reply("It doesn't, and why.", .schema("NotReady")),
                ]),
            Operation(
                method: .post, path: path + "/infer", id: "infer\(suffix)", tag: "inference", listeners: .both,
                summary: "Runs \(which)",
                description: """
                    The admin listener takes JSON only. A request whose time is over before its run begins gets 504; a \
                    run that has begun is finished and answered.
                    """,
                parameters: [
                    .parameter("Inference-Header-Content-Length"), .parameter("X-Request-Timeout-Ms"),
                    .parameter("X-Request-Id"),
                ],
                body: inferenceBody,
                replies: [
                    200: inferenceReply, 404: .response(404), 429: .response(429), 499: .response(499),
                    501: .response(501),
                ]),
        ]
    }

    private static let inferenceBody: JSONValue = [
        "application/json": [
            "schema": .schema("InferenceRequest"),
            "examples": [
                "digit": ["summary": "A digit of 8 by 8 pixels for a sample model", "value": digit],
                "binary": [
                    "summary": "The same, whose outputs come back in binary",
                    "value": digit.with("parameters", ["binary_data_output": true]),
                ],
            ],
        ],
        "application/octet-stream": [
            "schema": [
                "description": """
                JSON as above, of which each input in binary has `parameters.binary_data_size` and no `data`; then the \
                bytes of those inputs, in their order: little-endian, row-major, a `BYTES` element after its length in 4 \
                bytes. `Inference-Header-Content-Length` says how long the JSON is.
                """
            ]
        ],
    ]

    private static let digit: JSONValue = [
        "id": "a digit",
        "inputs": [
            [
                "name": "X", "shape": [1, 64], "datatype": "FP32",
                "data": [
                    0, 0, 2, 13, 16, 9, 0, 0, 0, 0, 12, 12, 7, 16, 3, 0, 0, 1, 14, 3, 0, 16, 4, 0, 0, 0, 0, 4, 10, 16,
                    6,
                    0, 0, 0, 0, 13, 16, 16, 9, 0, 0, 0, 0, 5, 13, 1, 0, 0, 0, 0, 0, 11, 9, 0, 0, 0, 0, 0, 1, 16, 4, 0,
                    0,
                    0,
                ],
            ]
        ],
    ]

    private static let inferenceReply = JSONValue.reply(
        "The outputs, in the order asked for.",
        content: [
            "application/json": ["schema": .schema("InferenceReply")],
            "application/octet-stream": [
                "schema": [
                    "description": """
                    JSON as above, of which each output in binary has `parameters.binary_data_size` and no `data`; then \
                    the bytes of those outputs, in their order.
                    """
                ]
            ],
        ],
        headers: [
            ("Server-Timing", .header("Server-Timing")),
            ("Inference-Header-Content-Length", .header("Inference-Header-Content-Length")),
        ])
}
