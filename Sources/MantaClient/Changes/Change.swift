/// Something that an operator wants changed.
package struct Change: Sendable {
    /// What came of it.
    package struct Outcome: Sendable {
        /// The server's document.
        package var document: [UInt8]
        /// What will happen or has happened, a sentence.
        package var message: String
        /// Why the change isn't done, if the command is to end with an error.
        package var error: ClientError?
    }

    private struct Document: Decodable {
        let message: String?
        let done: Bool?
        let state: String?
        let reason: String?
        let durable: Bool?
    }

    private enum Subject {
        case scale, update, removal, reload

        /// What to say of one that is done and about which the server says nothing.
        var done: String { self == .reload ? "everything was read again" : "done" }
    }

    /// What is sent.
    private(set) var request: ServerRequest
    private let subject: Subject

    /// Scales a deployment.
    package static func scale(_ name: String, _ order: ScaleOrder) -> Change {
        var request = ServerRequest("POST", "admin", "v1", "deployments", name, "scale")
        request.setBody(Array(order.json.utf8), type: "application/json")
        request.fault = .usage
        return Change(request: request, subject: .scale)
    }

    /// Gives a deployment a configuration, or makes a new one.
    package static func deploy(_ model: ModelOrder) -> Change {
        var request = ServerRequest("PUT", "admin", "v1", "deployments", model.name)
        request.setBody(model.body, type: model.contentType)
        request.fault = .configuration
        return Change(request: request, subject: .update)
    }

    /// Takes back what was deployed.
    package static func undeploy(_ name: String) -> Change {
        Change(request: ServerRequest("DELETE", "admin", "v1", "deployments", name), subject: .removal)
    }

    /// Reads the model repositories, certificates and credentials again.
    package static func reload() -> Change {
        var request = ServerRequest("POST", "admin", "v1", "reload")
        request.fault = .configuration
        return Change(request: request, subject: .reload)
    }

    /// Asks for the change.
    ///
    /// - Parameters:
    ///   - server: Of whom.
    ///   - wait: Whole seconds to wait until it is done.
    /// - Returns: What came of it; that it failed, or isn't done within the wait, is part of this.
    /// - Throws: ``ClientError`` if the server didn't take it.
    package func send(to server: ServerConnection, wait: Int) async throws -> Outcome {
        var request = request
        request.wait(for: wait)
        let reply = try await server.reply(to: request)
        let document = try Document.read(reply, from: server.settings.url)
        return Outcome(
            document: reply.body, message: message(document), error: error(document, wait: wait))
    }

    private func message(_ document: Document) -> String {
        let message = document.message ?? subject.done
        let keeping = document.durable == false ? " (until the server stops: it has no --state)" : ""
        return message.printable + keeping
    }

    private func error(_ document: Document, wait: Int) -> ClientError? {
        let done = document.done ?? true
        let state = document.state ?? ""
        // A deployment whose update was halted may still be scaled; a halted update is what a deployment comes to.
        let hasFailed =
            switch subject {
            case .update: state == "failed" || state == "halted"
            case .scale, .removal, .reload: !done && state == "failed"
            }
        if hasFailed {
            let reason = document.reason ?? document.message ?? "the server gives no reason"
            return ClientError(.failed, "\(state): \(reason)".printable)
        }
        guard !done, wait > 0 else { return nil }
        return ClientError(
            .unfinished,
            "not done within \(wait)s, it goes on: \(document.reason ?? document.message ?? state)".printable)
    }
}
