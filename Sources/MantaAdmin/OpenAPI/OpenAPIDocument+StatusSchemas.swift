extension OpenAPIDocument {
    private static let text: JSONValue = ["type": "string"]
    private static let flag: JSONValue = ["type": "boolean"]
    private static let number: JSONValue = ["type": "number"]
    private static let count: JSONValue = ["type": "integer", "minimum": 0]
    private static let positive: JSONValue = ["type": "integer", "minimum": 1]
    private static let optionalText: JSONValue = ["type": ["string", "null"]]
    private static let optionalNumber: JSONValue = ["type": ["number", "null"]]
    private static let optionalCount: JSONValue = ["type": ["integer", "null"], "minimum": 0]
    private static let time: JSONValue = ["type": "string", "format": "date-time"]

    static let statusSchemas: [(name: String, value: JSONValue)] = [
        (
            "Status",
            .record([
                "version": text, "started_at": time, "uptime_s": number, "ready": flag, "reason": optionalText,
                "node": .schema("Node"), "fleet": .optional(.schema("Fleet")),
                "store": .record(["kind": text, "path": optionalText, "durable": flag]),
                "deployments": .list(
                    of: .record(["name": text, "state": .schema("DeploymentState"), "reason": optionalText])),
                "warnings": .list(of: text),
            ])
        ),
        (
            "Node",
            .record([
                "id": text, "cpus": positive, "lanes": count, "resident_bytes": count, "open_files": count,
                "cpu_seconds": number,
            ])
        ),
        (
            "Fleet",
            .record(
                about: "The fleet that the process is a front of.",
                [
                    "node": text, "leader": optionalText, "store_silent_s": optionalNumber,
                    "nodes": .list(
                        of: .record([
                            "id": text, "kind": ["enum": ["front", "worker"]], "address": text,
                            "state": ["enum": ["ready", "draining"]], "cpus": number,
                            "labels": ["type": "object", "additionalProperties": text],
                            "groups": .list(
                                of: .record(["name": text, "ready": count, "assigned": count, "reason": optionalText])),
                        ])),
                ])
        ),
        (
            "DeploymentState",
            ["enum": ["loading", "ready", "updating", "halted", "asleep", "failed"]]
        ),
        (
            "Deployment",
            .record([
                "name": text, "state": .schema("DeploymentState"),
                "reason": ["type": ["string", "null"], "description": "Why, where `state` is `halted` or `failed`."],
                "configuration": .record([
                    "source": ["enum": ["defaults", "file", "admin", "client"]], "file": optionalText,
                    "overrides": [
                        "type": ["string", "null"], "description": "The file that doesn't count meanwhile.",
                    ],
                    "values": .schema("Configuration"),
                ]),
                "scale": .record([
                    "mode": ["enum": ["pinned", "autoscaled", "tuned"]],
                    "source": ["enum": ["configuration", "admin"]],
                    "replicas": ["type": "integer", "minimum": 0, "description": "Those wanted of each version."],
                    "min": optionalCount, "max": optionalCount,
                ]),
                "update": .optional(.schema("Update")), "versions": .list(of: .schema("Version")),
                "decisions": .list(of: .schema("Decision")), "warnings": .list(of: text),
            ])
        ),
        (
            "Update",
            .record(
                about: "A change of versions, while there is one or one was halted.",
                [
                    "state": ["enum": ["loading", "warming", "trial", "moving", "settling", "halted"]],
                    "from": .list(of: positive), "to": .list(of: positive), "reason": optionalText,
                    "started_at": ["type": ["string", "null"], "format": "date-time"],
                ])
        ),
        (
            "VersionState",
            ["enum": ["pending", "loading", "warming", "ready", "draining", "gone", "failed", "asleep"]]
        ),
        (
            "Version",
            .record([
                "version": positive, "hash": ["type": ["string", "null"], "pattern": "^sha256:[0-9a-f]{64}$"],
                "path": optionalText, "state": .schema("VersionState"), "reason": optionalText,
                "default": ["type": "boolean", "description": "Whether it answers requests that name no version."],
                "age_s": number, "queued": count, "ongoing": count, "replicas": .list(of: .schema("Replica")),
                "batching": .optional(.schema("Batching")), "cache": .optional(.schema("Cache")),
                "tuning": .optional(.schema("Tuning")),
                "last_minute": .optional(.schema("LastMinute")),
            ])
        ),
        (
            "Replica",
            .record([
                "id": count, "node": text,
                "count": [
                    "type": "integer", "minimum": 0,
                    "description": "How many it stands for: those of one server are told of together.",
                ],
                "state": ["enum": ["starting", "ready", "out", "draining"]], "age_s": number,
                "ongoing": count, "batches": count,
                "last_error": optionalText,
            ])
        ),
        (
            "Batching",
            .record(
                about: "What was learned of the cost of batches, and what follows.",
                [
                    "max_rows": count, "rows_in_force": count, "reason": text,
                    "costs": .list(
                        of: .record([
                            "rows": number, "milliseconds": number, "rows_per_second": number, "batches": count,
                        ])),
                ])
        ),
        (
            "Tuning",
            .record(
                about: "What the tuner has found; `null` unless `tuning` is on.",
                [
                    "state": ["enum": ["searching", "settled"]], "best": .schema("Lanes"),
                    "candidate": .optional(.schema("Lanes")), "reason": text,
                    "trials": .list(
                        of: .record([
                            "at": ["type": "string", "format": "date-time"], "lanes": .schema("Lanes"),
                            "against": .schema("Lanes"),
                            "outcome": ["enum": ["better", "no better", "worse", "bad", "unclear", "failed"]],
                            "reason": text,
                        ])),
                ])
        ),
        ("Lanes", .record(about: "Replicas, and the threads of each.", ["replicas": positive, "threads": positive])),
        (
            "Cache",
            .record(
                about: "What the response cache has done, and what it holds; `null` where there is none.",
                [
                    "hits": count, "misses": count, "evictions": count, "entries": count, "bytes": count,
                    "max_bytes": count, "resting": ["type": "boolean"],
                ])
        ),
        (
            "LastMinute",
            .record(
                about: "What was served in the last minute; times are of requests that didn't fail.",
                [
                    "requests": count, "failures": count, "per_second": number, "p50_ms": optionalNumber,
                    "p95_ms": optionalNumber, "p99_ms": optionalNumber, "mean_batch_rows": optionalNumber,
                ])
        ),
        (
            "Decision",
            .record(
                about: "A change of the number of replicas, and why.",
                [
                    "at": time, "version": positive, "from": count, "to": count, "reason": text,
                    "inputs": [
                        "type": "object", "description": "The figures that it was made from.",
                        "additionalProperties": ["type": ["number", "null"]],
                    ],
                ])
        ),
        (
            "Change",
            .record(
                optional: ["deployment", "reason"],
                [
                    "deployment": optionalText, "message": text, "done": flag, "state": optionalText,
                    "reason": optionalText,
                    "durable": ["type": "boolean", "description": "Whether the change survives a restart."],
                ])
        ),
        ("Reload", .record(["faults": .list(of: text)])),
        (
            "Event",
            .record(
                optional: ["deployment", "version"],
                [
                    "id": positive, "at": time,
                    "kind": [
                        "enum": ["deployment", "version", "replica", "update", "scale", "configuration", "server"]
                    ],
                    "deployment": optionalText, "version": ["type": ["integer", "null"], "minimum": 1],
                    "severity": ["enum": ["info", "warning", "error"]], "message": text,
                ])
        ),
    ]
}
