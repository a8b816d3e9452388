import Foundation
import MantaTestKit

/// What an operator says and reads. It blocks, so use it within ``onThread(_:)``.
final class OperatorClient {
    /// What tests look at of a deployment's status.
    struct Deployment: Decodable, Sendable {
        struct Configuration: Decodable, Sendable {
            struct Values: Decodable, Sendable {
                struct Queue: Decodable, Sendable {
                    var maxRequests: Int
                }

                struct Objective: Decodable, Sendable {
                    var p99Ms: Double
                }

                var queue: Queue
                var slo: Objective?
            }

            var source: String
            var values: Values
        }

        struct Scale: Decodable, Sendable {
            var mode: String
            var source: String
            var replicas: Int
        }

        struct Version: Decodable, Sendable {
            struct Replica: Decodable, Sendable {
                var id: Int
                var count: Int
                var state: String
                var ageS: Double
            }

            var version: Int
            var hash: String?
            var state: String
            var reason: String?
            var `default`: Bool
            var replicas: [Replica]
        }

        struct Decision: Decodable, Sendable {
            var at: String
            var from: Int
            var to: Int
            var reason: String
        }

        struct Update: Decodable, Sendable {
            var state: String
        }

        var state: String
        var reason: String?
        var update: Update?
        var configuration: Configuration
        var scale: Scale
        var versions: [Version]
        var decisions: [Decision]
        var warnings: [String]

        /// The version that serves requests which name none.
        var serving: Version? { versions.first(where: \.default) }
        /// Replicas of that version that take batches.
        var readyReplicas: Int { serving?.replicas.count { $0.state == "ready" } ?? 0 }
    }

    /// Something that happened.
    struct Event: Decodable, Sendable {
        var id: Int
        var kind: String
        var message: String
    }

    /// Another status than 200 and 202.
    struct Refusal: Error, CustomStringConvertible {
        let description: String
    }

    /// What a change is answered with.
    struct Change: Decodable, Sendable {
        var done: Bool
        var durable: Bool
    }

    /// No step of an operator takes longer, or the test has failed.
    static let limit = Duration.seconds(30)

    private let client: SocketClient
    private let events: SocketClient

    /// Connects, and follows the events.
    init(host: String = "127.0.0.1", port: Int) throws {
        client = try SocketClient(host: host, port: port)
        events = try SocketClient(host: host, port: port)
        try events.send("GET /admin/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
    }

    /// Sends any request and reads its JSON.
    ///
    /// - Throws: ``Refusal`` if the status isn't 200 or 202.
    func request<Document: Decodable>(
        _ method: String, _ path: String, headers: [String] = [], body: String? = nil, as type: Document.Type
    ) throws -> Document {
        let reply = try client.request(method, path, headers: headers, body: body.map { Array($0.utf8) })
        guard reply.status == 200 || reply.status == 202 else {
            throw Refusal(description: "\(method) \(path): \(reply.status) \(reply.text)")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Document.self, from: Data(reply.body))
    }

    /// How a deployment is.
    func status(of name: String) throws -> Deployment {
        try request("GET", "/admin/v1/deployments/\(name)", as: Deployment.self)
    }

    /// Pins the number of replicas, or says otherwise how many there are to be.
    @discardableResult
    func scale(_ name: String, _ body: String) throws -> Change {
        try request(
            "POST", "/admin/v1/deployments/\(name)/scale", headers: ["Content-Type: application/json"], body: body,
            as: Change.self)
    }

    /// Gives a deployment a configuration, in YAML.
    @discardableResult
    func put(_ name: String, _ yaml: String) throws -> Change {
        try request(
            "PUT", "/admin/v1/deployments/\(name)", headers: ["Content-Type: application/yaml"], body: yaml,
            as: Change.self)
    }

    /// Takes that back.
    @discardableResult
    func delete(_ name: String) throws -> Change {
        try request("DELETE", "/admin/v1/deployments/\(name)", as: Change.self)
    }

    /// Waits until the server has stopped.
    func waitForEnd() {
        events.leave()
        client.readToEnd()
    }

    /// What has happened so far, the newest last.
    func pastEvents() throws -> [Event] {
        struct Document: Decodable {
            var events: [Event]
        }
        return try request("GET", "/admin/v1/events", as: Document.self).events
    }

    /// Waits until something with this message happens that isn't in `past`.
    ///
    /// - Throws: ``SocketClient/Failure`` after half a minute.
    func wait(forEvent message: String, beyond past: [Event]) throws {
        let deadline = ContinuousClock.now + Self.limit
        let last = past.last?.id ?? 0
        while !(try pastEvents().contains { $0.id > last && $0.message == message }) {
            guard .now < deadline else { throw SocketClient.Failure("no event \"\(message)\"") }
            _ = events.takeBytes(within: .milliseconds(20))
        }
    }

    /// Waits until a deployment is as wanted: looks whenever something has happened, and now and then.
    ///
    /// - Throws: ``SocketClient/Failure`` with its last status after the limit.
    @discardableResult
    func wait(
        for name: String, _ what: String, within limit: Duration = limit, until isRight: (Deployment) throws -> Bool
    ) throws -> Deployment {
        let deadline = ContinuousClock.now + limit
        while true {
            let deployment = try status(of: name)
            if try isRight(deployment) { return deployment }
            guard .now < deadline else {
                throw SocketClient.Failure("\(name) is not \(what), but \(deployment)")
            }
            _ = events.takeBytes(within: .milliseconds(20))
        }
    }
}
