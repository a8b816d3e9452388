extension OpenAPIDocument {
    private static let text: JSONValue = ["type": "string"]
    private static let count: JSONValue = ["type": "integer", "minimum": 0]

    static let extensionSchemas: [(name: String, value: JSONValue)] = [
        ("ModelList", .record(["models": .list(of: text)])),
        ("Total", .record(about: "How often, and how long in all.", ["count": count, "ns": count])),
        (
            "ModelStatistics",
            .record([
                "name": text, "version": ["type": "string", "pattern": "^[1-9][0-9]*$"],
                "last_inference": ["type": "integer", "description": "Milliseconds since 1970; 0 if there was none."],
                "inference_count": ["type": "integer", "minimum": 0, "description": "Rows that have run."],
                "execution_count": ["type": "integer", "minimum": 0, "description": "Batches that have run."],
                "inference_stats": totals([
                    "success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit",
                    "cache_miss",
                ]),
                "batch_stats": .list(
                    of: .record([
                        "batch_size": count, "compute_input": .schema("Total"), "compute_infer": .schema("Total"),
                        "compute_output": .schema("Total"),
                    ])),
                "response_stats": ["type": "object"], "memory_usage": .list(of: ["type": "object"]),
            ])
        ),
        ("LogSettings", .record(logMembers)),
        ("LogSettingsChange", .record(optional: logMembers.map(\.key), logMembers)),
        (
            "TraceSettings",
            .record([
                "trace_level": levels, "trace_rate": text, "trace_count": text, "log_frequency": text,
                "trace_file": text, "trace_mode": ["const": "triton"],
            ])
        ),
        (
            "TraceSettingsChange",
            .record(
                about: "`null` takes a value back.", optional: changes.map(\.key), changes)
        ),
        (
            "GenerateRequest",
            [
                "type": "object",
                "description": """
                Members that have the name of an input are its elements: one, or an array. Others are parameters, as are \
                those of `parameters`.
                """,
                "properties": ["id": ["type": ["string", "null"]], "parameters": ["type": ["object", "null"]]],
            ]
        ),
        (
            "GenerateReply",
            .record(
                about: "And each output by its name: one element alone, several as an array.", optional: ["id"],
                ["model_name": text, "model_version": text, "id": text])
        ),
        (
            "StatusV1",
            .record(
                optional: ["error"],
                [
                    "name": text, "ready": ["type": "boolean"], "error": text,
                    "model_version_status": .list(
                        of: .record([
                            "version": text, "state": ["enum": ["AVAILABLE", "START"]],
                            "status": .record(["error_code": text, "error_message": text]),
                        ])),
                ])
        ),
        (
            "PredictRequest",
            [
                "description": """
                `instances` has a value for each row: arrays in arrays, or an object of such by the names of the inputs. \
                `inputs` has each input as a whole. Strings are elements of BYTES, as are objects `{"b64": "…"}`.
                """,
                "type": "object", "oneOf": [["required": ["instances"]], ["required": ["inputs"]]],
                "properties": ["instances": ["type": "array", "minItems": 1], "inputs": [:]],
            ]
        ),
        (
            "PredictReply",
            [
                "type": "object", "oneOf": [["required": ["predictions"]], ["required": ["outputs"]]],
                "properties": ["predictions": ["type": "array"], "outputs": [:]],
            ]
        ),
    ]

    private static func totals(_ names: [String]) -> JSONValue {
        [
            "type": "object", "required": .array(names.map(JSONValue.string)),
            "properties": .object(names.map { ($0, .schema("Total")) }),
        ]
    }

    private static let logMembers: JSONValue.Members = [
        "log_file": ["const": ""], "log_info": ["type": "boolean"], "log_warning": ["type": "boolean"],
        "log_error": ["type": "boolean"], "log_verbose_level": ["type": "integer", "minimum": 0],
        "log_format": ["const": "ISO8601"],
    ]

    private static let levels = JSONValue.list(of: ["enum": ["OFF", "TIMESTAMPS", "TENSORS"]])

    private static let changes: JSONValue.Members = [
        "trace_level": .optional(levels), "trace_rate": ["type": ["string", "integer", "null"]],
        "trace_count": ["type": ["string", "integer", "null"]],
        "log_frequency": ["type": ["string", "integer", "null"]],
    ]
}
