extension OpenAPIDocument {
    static let configurationSchemas: [(name: String, value: JSONValue)] = [
        ("Configuration", configuration),
        (
            "Scale",
            [
                "description": """
                `replicas` pins, until told otherwise; 0 puts the model to sleep. `min` and `max` autoscale between \
                them, and the one that isn't said is as configured. `autoscale: true` autoscales as configured, \
                `false` takes back what was said by `scale`.
                """,
                "anyOf": [
                    closed(["replicas": integer(0, 1024), "autoscale": ["const": false]], required: ["replicas"]),
                    closed(bounds, required: ["min"]), closed(bounds, required: ["max"]),
                    closed(["autoscale": ["type": "boolean"]], required: ["autoscale"]),
                ],
            ]
        ),
        (
            "Bytes",
            [
                "description": "Bytes, or with a unit.",
                "anyOf": [integer(1, 1 << 40), ["type": "string", "pattern": "^[1-9][0-9]{0,3} ?(KiB|MiB|GiB)$"]],
            ]
        ),
    ]

    /// The keys of `model.yaml`.
    private static let configuration = closed([
        "name": ["type": "string"],
        "path": [
            "type": "string", "minLength": 1,
            "description": "A model file, or a folder of versions, where the model isn't in a repository.",
        ],
        "file_name": ["type": "string", "minLength": 1],
        "remote": .list(of: ["type": "string", "pattern": "^https?://[^/]+/v2/models/[^/]+(/versions/[0-9]+)?/?$"]),
        "idempotent": ["type": "boolean"],
        "hedge": closed(["after_p": number(1, 99.9), "budget": number(0.001, 1)]),
        "engine": ["enum": ["onnxruntime"]],
        "inputs": .list(
            of: closed(
                port, ["optional": ["type": "boolean"], "format": ["enum": ["nhwc", "nchw"]], "padding": padding],
                required: ["name"])),
        "outputs": .list(
            of: closed(
                port,
                ["labels": labels, "padded_dimensions": .list(of: integer(1, 63))],
                required: ["name"])),
        "batching": closed([
            "max_batch_size": integer(0, 65_536), "max_queue_delay_ms": number(0, 60_000),
            "preferred_batch_sizes": .list(of: integer(1, 65_536)), "across_requests": ["type": "boolean"],
            "preserve_order": ["type": "boolean"],
        ]),
        "slo": closed(["p99_ms": number(0.1, 3_600_000)]),
        "queue": closed(
            policy,
            [
                "max_bytes": .schema("Bytes"), "priorities": integer(1, 1024), "default_priority": integer(1, 1024),
                "policies": .list(of: closed(policy, ["priority": integer(1, 1024)], required: ["priority"])),
            ]),
        "response_cache": closed(["max_bytes": .schema("Bytes"), "ttl_s": number(0.001, 86_400)]),
        "replicas": integer(1, 1024),
        "autoscaling": closed([
            "min_replicas": integer(0, 1024), "max_replicas": integer(1, 1024), "initial_replicas": integer(0, 1024),
            "target_ongoing_requests": number(0.01, 1_000_000), "target_queue_wait_ms": number(0.1, 3_600_000),
            "upscale_delay_s": number(0, 86_400), "downscale_delay_s": number(0, 86_400),
            "downscale_to_zero_delay_s": number(0, 86_400), "upscaling_factor": number(0.01, 100),
            "downscaling_factor": number(0.01, 1), "look_back_period_s": number(0.01, 86_400),
            "metrics_interval_s": number(0.01, 3_600),
        ]),
        "tuning": ["type": "boolean"],
        "versions": closed(["serve": servedVersions]),
        "warmup": closed(["rows": .list(of: integer(1, 65_536)), "samples": .list(of: sample)]),
        "rollout": closed([
            "trial_requests": integer(0, 100_000), "trial_s": number(0, 86_400), "settle_s": number(0, 86_400),
            "drain_timeout_s": number(0, 86_400), "allow_signature_change": ["type": "boolean"],
        ]),
        "resources": closed([
            "cpus": number(0, 1_000_000),
            "memory": [
                "anyOf": [integer(0, 1 << 40), ["type": "string", "pattern": "^(0|[1-9][0-9]*) ?(KiB|MiB|GiB)$"]]
            ],
            "gpus": number(0, 1_000_000), "custom": named(number(0, 1_000_000)),
        ]),
        "placement": closed(["labels": named(label), "preferred_labels": named(label)]),
        "onnxruntime": closed([
            "threads": integer(1, 1024), "execution": ["enum": ["sequential", "parallel"]],
            "inter_op_threads": integer(1, 1024), "optimization": ["enum": ["none", "basic", "extended", "all"]],
            "arena": ["type": "boolean"], "memory_pattern": ["type": "boolean"],
        ]),
    ])

    /// What inputs and outputs have in common.
    private static let port: JSONValue.Members = [
        "name": ["type": "string", "minLength": 1], "datatype": .schema("Datatype"),
        "shape": .list(of: integer(-1, 2_147_483_647)), "reshape": .list(of: integer(-1, 2_147_483_647)),
    ]

    /// How an input is filled up.
    private static let padding = closed(
        [
            "dimension": integer(1, 63),
            "buckets": JSONValue.list(of: integer(1, 16_777_216)).with("minItems", 1),
            "value": ["type": "number"],
        ], required: ["dimension", "buckets"])

    /// What holds for all requests that wait, or for those of one priority.
    private static let policy: JSONValue.Members = [
        "max_requests": integer(1, 1_000_000), "default_timeout_ms": number(0.001, 86_400_000),
        "on_timeout": ["enum": ["reject", "delay"]], "timeout_override": ["enum": ["any", "shorter", "none"]],
    ]

    /// What each class is called: a file that says so, or the names.
    private static let labels: JSONValue = [
        "anyOf": [
            ["type": "string", "minLength": 1],
            JSONValue.list(of: ["type": ["string", "number"]]).with("minItems", 1),
        ]
    ]

    private static let label: JSONValue = ["type": "string", "maxLength": 256]

    private static let sample = closed(
        [
            "name": ["type": "string", "minLength": 1], "rows": integer(1, 65_536), "count": integer(1, 10_000),
            "inputs": .list(
                of: closed(
                    [
                        "name": ["type": "string", "minLength": 1], "datatype": .schema("Datatype"),
                        "shape": .list(of: integer(0, 2_147_483_647)), "data": ["enum": ["zeros", "random"]],
                        "file": ["type": "string", "minLength": 1],
                    ], required: ["name", "datatype", "shape"])),
        ], required: ["inputs"])

    private static let bounds: JSONValue.Members = [
        "min": integer(0, 1024), "max": integer(1, 1024), "autoscale": ["const": true],
    ]

    private static let servedVersions: JSONValue = [
        "description": "The highest, all, the highest so many, or these.",
        "anyOf": [
            ["enum": ["latest", "all"]], closed(["latest": integer(1, 1024)], required: ["latest"]),
            JSONValue.list(of: integer(1, 2_147_483_647)).with("minItems", 1),
        ],
    ]

    /// An object that may have no other members.
    private static func closed(_ members: JSONValue.Members..., required: [String] = []) -> JSONValue {
        let object: JSONValue = [
            "type": "object", "additionalProperties": false,
            "properties": .object(members.flatMap { $0.map { ($0.key, $0.value) } }),
        ]
        return required.isEmpty ? object : object.with("required", .array(required.map(JSONValue.string)))
    }

    /// An object whose members have names of the writer's own.
    private static func named(_ value: JSONValue) -> JSONValue {
        ["type": "object", "propertyNames": ["pattern": "^[^ =]{1,256}$"], "additionalProperties": value]
    }

    private static func integer(_ least: Int, _ most: Int) -> JSONValue {
        ["type": "integer", "minimum": .integer(least), "maximum": .integer(most)]
    }

    private static func number(_ least: Double, _ most: Double) -> JSONValue {
        ["type": "number", "minimum": .decimal(least), "maximum": .decimal(most)]
    }
}
