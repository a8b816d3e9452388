import MantaHTTP

extension Operation {
    /// The routes of the admin listener alone.
    static let admin = status + changes + telemetry

    private static let status = [
        Operation(
            method: .get, path: "/admin/v1/status", id: "getStatus", tag: "operations", listeners: .admin,
            summary: "The whole process", replies: [200: .reply("How it is.", .schema("Status"))]),
        Operation(
            method: .get, path: "/admin/v1/deployments", id: "listDeployments", tag: "operations", listeners: .admin,
            summary: "All deployments, by name",
            replies: [200: .reply("How they are.", .record(["deployments": .list(of: .schema("Deployment"))]))]),
        Operation(
            method: .get, path: "/admin/v1/deployments/{name}", id: "getDeployment", tag: "operations",
            listeners: .admin, summary: "One deployment",
            replies: [200: .reply("How it is.", .schema("Deployment")), 404: .response(404)]),
        Operation(
            method: .get, path: "/admin/v1/nodes", id: "listNodes", tag: "operations", listeners: .admin,
            summary: "This process, and the nodes of its fleet",
            replies: [
                200: .reply(
                    "How they are.",
                    .record(["nodes": .list(of: .schema("Node")), "fleet": .optional(.schema("Fleet"))]))
            ]),
    ]

    private static let changes = [
        Operation(
            method: .put, path: "/admin/v1/deployments/{name}", id: "putDeployment", tag: "operations",
            listeners: .admin, summary: "Gives a deployment a configuration, or makes a new one",
            description: "It counts instead of the deployment's file, until it is taken back.",
            parameters: [.parameter("wait")],
            body: [
                "application/json": ["schema": .schema("Configuration"), "example": configuration],
                "application/yaml": ["schema": .schema("Configuration"), "example": configuration],
            ],
            replies: [200: done, 202: goesOn, 409: .response(409)]),
        Operation(
            method: .delete, path: "/admin/v1/deployments/{name}", id: "deleteDeployment", tag: "operations",
            listeners: .admin, summary: "Takes back what was PUT",
            description: "The deployment's file counts again; one that has no file goes.",
            parameters: [.parameter("wait")],
            replies: [200: done, 202: goesOn, 404: .response(404), 409: .response(409)]),
        Operation(
            method: .post, path: "/admin/v1/deployments/{name}/scale", id: "scaleDeployment", tag: "operations",
            listeners: .admin, summary: "Pins or frees the number of replicas", parameters: [.parameter("wait")],
            body: [
                "application/json": [
                    "schema": .schema("Scale"),
                    "examples": [
                        "pin": ["value": ["replicas": 3]], "bounds": ["value": ["min": 1, "max": 8]],
                        "autoscale": ["value": ["autoscale": true]], "free": ["value": ["autoscale": false]],
                    ],
                ]
            ],
            replies: [200: done, 202: goesOn, 404: .response(404), 409: .response(409)]),
        Operation(
            method: .post, path: "/admin/v1/reload", id: "reload", tag: "operations", listeners: .admin,
            summary: "Reads the model repositories, certificates and credentials again, as on SIGHUP",
            description: "What has changed is begun; `/admin/v1/events` tells how it goes on.",
            replies: [
                200: .reply("Nothing is wrong.", .schema("Reload"), example: ["faults": []]),
                422: .reply(
                    "What is wrong. What was read before still counts there; everything else has been read.",
                    .schema("Reload"),
                    example: [
                        "faults": ["models/iris/model.yaml:1:1: unknown key \"replica\": did you mean \"replicas\"?"]
                    ]
                ),
            ]),
    ]

    private static let telemetry = [
        Operation(
            method: .get, path: "/admin/v1/events", id: "listEvents", tag: "telemetry", listeners: .admin,
            summary: "What happened: as a list, or as a stream",
            description:
                "With `Accept: text/event-stream` the events go on as they come; `data` is an event as in the list.",
            parameters: [.parameter("after"), .parameter("Last-Event-ID")],
            replies: [
                200: .reply(
                    "The last 1,000.",
                    content: [
                        "application/json": ["schema": .record(["events": .list(of: .schema("Event"))])],
                        "text/event-stream": ["schema": ["type": "string"]],
                    ])
            ]),
        Operation(
            method: .get, path: "/metrics", id: "getMetrics", tag: "telemetry", listeners: .admin,
            summary: "Metrics for Prometheus",
            replies: [
                200: .reply("Text exposition format 0.0.4.", content: ["text/plain": ["schema": ["type": "string"]]])
            ]
        ),
        Operation(
            method: .get, path: "/openapi.json", id: "getDescription", tag: "telemetry", listeners: .admin,
            summary: "This document", isOpen: true,
            replies: [200: .reply("OpenAPI 3.1.", .record(["openapi": ["type": "string"]]))]),
        Operation(
            method: .get, path: "/", id: "getConsole", tag: "operations", listeners: .admin, summary: "The console",
            isOpen: true, replies: [200: consoleFile("A page.", ["text/html"])]),
        Operation(
            method: .get, path: "/console/{file}", id: "getConsoleFile", tag: "operations", listeners: .admin,
            summary: "What the console's page needs", isOpen: true,
            replies: [
                200: consoleFile("A script, a style or a picture.", ["text/javascript", "text/css", "image/svg+xml"]),
                404: .response(404),
            ]),
    ]

    private static func consoleFile(_ description: String, _ types: [String]) -> JSONValue {
        .reply(description, content: .object(types.map { ($0, ["schema": ["type": "string"]]) }))
    }

    private static let done = JSONValue.reply(
        "It is done.", .schema("Change"),
        example: [
            "deployment": "digits-svm", "message": "3 replicas are ready", "done": true, "state": "ready",
            "durable": true,
        ])

    private static let goesOn = JSONValue.reply(
        "It goes on, or was halted: `state` and `reason` tell.", .schema("Change"),
        example: [
            "deployment": "digits-svm", "message": "3 replicas are wanted, 1 is ready", "done": false, "state": "ready",
            "durable": true,
        ])

    private static let configuration: JSONValue = ["batching": ["max_batch_size": 16], "slo": ["p99_ms": 20]]
}
