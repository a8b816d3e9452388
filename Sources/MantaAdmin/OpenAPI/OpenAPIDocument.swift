package import MantaHTTP

/// `/openapi.json`: every route of both listeners, for machines (OpenAPI 3.1).
///
/// ```swift
/// routes.on(.get, "/openapi.json") { _ in .json(OpenAPIDocument.bytes) }
/// ```
package enum OpenAPIDocument {
    /// The document, as JSON.
    package static let bytes = Array(document.text.utf8)

    /// What the document describes, by method and path as routes are registered.
    package static var paths: [(method: HTTPMethod, path: String)] { operations.map { ($0.method, $0.path) } }

    /// What of it the inference listener answers; the admin listener answers all of it.
    package static var inferencePaths: [(method: HTTPMethod, path: String)] {
        operations.filter { $0.listeners == .both }.map { ($0.method, $0.path) }
    }

    private static var operations: [Operation] { Operation.inference + Operation.admin }

    private static var document: JSONValue {
        [
            "openapi": "3.1.0",
            "info": [
                "title": "Manta", "version": "1", "summary": "Serves models, and tells how.",
                "license": ["name": "Apache License 2.0", "identifier": "Apache-2.0"],
                "description": .string(introduction),
            ],
            "servers": [["url": "/"]],
            "security": [[:], ["bearer": []]],
            "tags": [
                ["name": "health", "description": "Whether the process lives and takes requests. For probes."],
                ["name": "inference", "description": "The Open Inference Protocol v2 with Triton's binary tensors."],
                ["name": "settings", "description": "What is logged and traced, and what was counted."],
                [
                    "name": "predict",
                    "description": "Version 1 of KServe's protocol, which is that of TensorFlow Serving.",
                ],
                ["name": "operations", "description": "What runs and why, and changes of it."],
                ["name": "telemetry", "description": "Metrics and events."],
            ],
            "paths": .object(pathItems),
            "components": [
                "securitySchemes": [
                    "bearer": [
                        "type": "http", "scheme": "bearer",
                        "description": "A token of the listener's file of credentials. Without one, none is asked for.",
                    ]
                ],
                "parameters": parameters, "headers": headers, "responses": failures,
                "schemas": .object(inferenceSchemas + extensionSchemas + statusSchemas + configurationSchemas),
            ],
        ]
    }

    private static let introduction = """
        Each route tells by its servers which listener answers it. HEAD answers like GET, without the body. \
        Every failure is JSON, `{"error": "…"}`, but for what isn't proper HTTP. A path that isn't here gets 404, \
        a method that isn't here 405 with `Allow`. A request's body may be compressed with gzip or deflate, and a reply \
        is if `Accept-Encoding` asks for it.
        """

    /// The routes of one path stand together, whatever their order in the list.
    private static var pathItems: [(name: String, value: JSONValue)] {
        var items: [(name: String, value: JSONValue)] = []
        for operation in operations {
            let method = operation.method.rawValue.lowercased()
            if let index = items.firstIndex(where: { $0.name == operation.path }) {
                items[index].value = items[index].value.with(method, operation.document)
            } else {
                items.append((operation.path, .object([(method, operation.document)])))
            }
        }
        return items
    }
}
