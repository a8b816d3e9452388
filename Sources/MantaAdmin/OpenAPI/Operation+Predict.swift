import MantaHTTP

extension Operation {
    /// Version 1 of KServe's protocol, which is that of TensorFlow Serving.
    static let predict =
        [
            Operation(
                method: .get, path: "/v1/models", id: "listModelsV1", tag: "predict", listeners: .both,
                summary: "The names of the models",
                replies: [200: .reply("The names.", .schema("ModelList"), example: ["models": ["digits-svm"]])])
        ] + predict(path: "/v1/models/{model}", suffix: "")
        + predict(path: "/v1/models/{model}/versions/{version}", suffix: "Version")

    private static func predict(path: String, suffix: String) -> [Operation] {
        [
            Operation(
                method: .get, path: path, id: "getStatusV1\(suffix)", tag: "predict", listeners: .both,
                summary: "Whether a model takes requests, in KServe's and TensorFlow Serving's words",
                replies: [
                    200: .reply("It does.", .schema("StatusV1")), 404: .response(404),
                    503: .reply("It doesn't, and why.", .schema("StatusV1")),
                ]),
            Operation(
                method: .get, path: path + "/metadata", id: "getMetadataV1\(suffix)", tag: "predict", listeners: .both,
                summary: "Inputs and outputs, as TensorFlow Serving tells them",
                replies: [200: .reply("The signature.", ["type": "object"]), 404: .response(404)]),
            Operation(
                method: .post, path: path + ":predict", id: "predict\(suffix)", tag: "predict", listeners: .both,
                summary: "Runs a model on arrays without shapes and types",
                parameters: [.parameter("X-Request-Timeout-Ms"), .parameter("X-Request-Id")],
                body: [
                    "application/json": [
                        "schema": .schema("PredictRequest"),
                        "examples": [
                            "rows": ["value": ["instances": [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]]]],
                            "names": ["value": ["instances": [["left": 1, "right": 2], ["left": 3, "right": 4]]]],
                            "columns": ["value": ["inputs": ["left": [1, 3], "right": [2, 4]]]],
                        ],
                    ]
                ],
                replies: [
                    200: .reply(
                        "The outputs, in the form of the request.",
                        content: ["application/json": ["schema": .schema("PredictReply")]],
                        headers: [("Server-Timing", .header("Server-Timing"))]),
                    404: .response(404), 429: .response(429), 499: .response(499), 501: .response(501),
                ]),
        ]
            + ["classify", "regress", "explain"].map { verb in
                Operation(
                    method: .post, path: "\(path):\(verb)", id: "\(verb)\(suffix)", tag: "predict", listeners: .both,
                    summary: "Isn't supported", replies: [501: .response(501)])
            }
    }
}
