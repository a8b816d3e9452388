extension OpenAPIDocument {
    private static let name: JSONValue = ["type": "string"]
    private static let count: JSONValue = ["type": "integer", "minimum": 0]
    private static let size: JSONValue = ["type": ["integer", "null"], "minimum": 0]
    private static let place: JSONValue = [
        "type": ["string", "null"], "description": "The region of shared memory that it is in.",
    ]

    static let inferenceSchemas: [(name: String, value: JSONValue)] = [
        ("Error", .record(["error": ["type": "string", "description": "What is wrong, for people."]])),
        ("Live", .record(["live": ["const": true]])),
        ("Ready", .record(optional: ["name"], ["ready": ["const": true], "name": name])),
        (
            "NotReady",
            .record(optional: ["ready", "name"], ["error": name, "ready": ["const": false], "name": name])
        ),
        ("Server", .record(["name": ["const": "manta"], "version": name, "extensions": .list(of: name)])),
        (
            "RepositoryIndex",
            .list(
                of: .record(
                    optional: ["version", "state", "reason"],
                    [
                        "name": name, "version": ["type": "string", "pattern": "^[1-9][0-9]*$"],
                        "state": ["enum": ["READY", "UNAVAILABLE", "LOADING", "UNLOADING"]], "reason": name,
                    ]))
        ),
        (
            "Model",
            .record([
                "name": name, "platform": ["type": "string", "examples": ["onnxruntime_onnx"]],
                "versions": .list(of: ["type": "string", "pattern": "^[1-9][0-9]*$"]),
                "inputs": .list(of: .schema("TensorMetadata")), "outputs": .list(of: .schema("TensorMetadata")),
            ])
        ),
        (
            "ModelConfiguration",
            [
                "type": "object", "required": ["name", "max_batch_size", "input", "output"],
                "description": "The message `inference.ModelConfig` with its default values.",
                "properties": [
                    "name": name, "max_batch_size": ["type": "integer", "minimum": 0],
                    "input": .list(of: ["type": "object"]), "output": .list(of: ["type": "object"]),
                ],
            ]
        ),
        (
            "TensorMetadata",
            .record([
                "name": name, "datatype": .schema("Datatype"),
                "shape": .list(of: ["type": "integer", "minimum": -1, "description": "-1 for a size that is free."]),
            ])
        ),
        (
            "Datatype",
            [
                "enum": [
                    "BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP16", "BF16",
                    "FP32", "FP64", "BYTES",
                ]
            ]
        ),
        (
            "Shape",
            ["type": "array", "maxItems": 64, "items": ["type": "integer", "minimum": 0, "maximum": 0x7FFF_FFFF_FFFF]]
        ),
        (
            "Data",
            [
                "type": "array",
                "description": """
                Nested or flat, row-major; what counts is that there are as many elements as the shape has. Strings are \
                elements of BYTES, and "NaN", "Infinity" and "-Infinity" such of FP16 to FP64.
                """,
                "items": ["anyOf": [["type": ["number", "boolean", "string"]], .schema("Data")]],
            ]
        ),
        (
            "InferenceRequest",
            .record(
                optional: ["id", "parameters", "outputs"],
                [
                    "id": ["type": ["string", "null"], "description": "Comes back in the reply."],
                    "parameters": .optional(.schema("RequestParameters")),
                    "inputs": .list(of: .schema("InputTensor")),
                    "outputs": [
                        "type": ["array", "null"], "items": .schema("RequestedOutput"),
                        "description": "The outputs wanted, in the order wanted; all without it.",
                    ],
                ])
        ),
        (
            "RequestParameters",
            parameters([
                "timeout": [
                    "type": ["integer", "null"], "minimum": 0, "maximum": 86_400_000_000,
                    "description": "Microseconds until the run must have begun; 0 for the deployment's default.",
                ],
                "priority": [
                    "type": ["integer", "null"], "minimum": 0, "maximum": 4_294_967_295,
                    "description": "1 runs first; 0 after all that have one.",
                ],
                "binary_data_output": [
                    "type": ["boolean", "null"], "description": "Whether all outputs come back in binary.",
                ],
            ]).with("propertyNames", ["not": ["pattern": "^triton_"]])
        ),
        (
            "InputTensor",
            .record(
                optional: ["data", "parameters"],
                [
                    "name": name, "shape": .schema("Shape"), "datatype": .schema("Datatype"), "data": .schema("Data"),
                    "parameters": .optional(
                        parameters([
                            "binary_data_size": [
                                "type": ["integer", "null"], "minimum": 0,
                                "description": "The input's bytes behind the JSON, instead of `data`.",
                            ],
                            "shared_memory_region": place, "shared_memory_byte_size": size,
                            "shared_memory_offset": size,
                        ])),
                ])
        ),
        (
            "RequestedOutput",
            .record(
                optional: ["parameters"],
                [
                    "name": name,
                    "parameters": .optional(
                        parameters([
                            "binary_data": [
                                "type": ["boolean", "null"], "description": "Whether it comes back in binary.",
                            ],
                            "classification": [
                                "type": ["integer", "null"], "minimum": 1,
                                "description": "So many classes are wanted, as `VALUE:INDEX:LABEL`, the largest first.",
                            ],
                            "shared_memory_region": place, "shared_memory_byte_size": size,
                            "shared_memory_offset": size,
                        ])),
                ])
        ),
        (
            "InferenceReply",
            .record(
                optional: ["id"],
                [
                    "model_name": name, "model_version": ["type": "string", "pattern": "^[1-9][0-9]*$"], "id": name,
                    "outputs": .list(of: .schema("OutputTensor")),
                ])
        ),
        (
            "OutputTensor",
            .record(
                optional: ["data", "parameters"],
                [
                    "name": name, "shape": .schema("Shape"), "datatype": .schema("Datatype"), "data": .schema("Data"),
                    "parameters": .record(
                        optional: [
                            "binary_data_size", "shared_memory_region", "shared_memory_byte_size",
                            "shared_memory_offset",
                        ],
                        [
                            "binary_data_size": count, "shared_memory_region": name, "shared_memory_byte_size": count,
                            "shared_memory_offset": count,
                        ]),
                ])
        ),
        (
            "SharedMemoryRegistration",
            .record(
                optional: ["offset"],
                [
                    "key": ["type": "string", "pattern": "^/[^/]{1,255}$", "examples": ["/inputs"]],
                    "offset": .optional(count), "byte_size": count,
                ])
        ),
        (
            "SharedMemoryRegion",
            .record(["name": name, "key": name, "offset": count, "byte_size": count])
        ),
    ]

    /// Parameters of which Manta reads these; others are passed over.
    private static func parameters(_ known: JSONValue.Members) -> JSONValue {
        .record(optional: known.map(\.key), known)
            .with("additionalProperties", ["type": ["string", "number", "boolean", "null"]])
    }
}
