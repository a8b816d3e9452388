import FoundationEssentials

/// What `manta events` shows: what happened, and what happens.
package struct EventLog: Sendable {
    private struct Events: Decodable {
        let events: [Event]
    }

    let server: ServerConnection
    /// Only events after the one of this id.
    let after: Int?
    /// Only events of this deployment.
    let deployment: String?
    let isJSON: Bool

    /// The events of a server.
    ///
    /// - Parameters:
    ///   - server: Whose.
    ///   - after: Only those after the one of this id.
    ///   - deployment: Only those of this deployment.
    ///   - isJSON: Whether to show the server's documents.
    package init(server: ServerConnection, after: Int? = nil, deployment: String? = nil, isJSON: Bool = false) {
        (self.server, self.after, self.deployment, self.isJSON) = (server, after, deployment, isJSON)
    }

    /// Shows what happened so far.
    package func list(on screen: Screen) async throws {
        var request = ServerRequest("GET", "admin", "v1", "events")
        if let after { request.query = [(name: "after", value: String(after))] }
        let reply = try await server.reply(to: request)
        guard !isJSON else { return try screen.write(document: reply.body) }
        let events = try Events.read(reply, from: server.settings.url).events
        try screen.write(events.filter(isWanted).map { $0.line(isColoured: screen.isColoured) + "\n" }.joined())
    }

    /// Shows what happened so far and then what happens, until the task is cancelled. After a lost connection it goes
    /// on where it was.
    ///
    /// - Parameters:
    ///   - screen: Where to.
    ///   - notice: Takes what a person may want to know besides the events.
    ///   - pause: Waits before the next try.
    /// - Throws: ``ClientError`` if nothing answers the first time, or if a server refuses.
    package func follow(
        on screen: Screen, notice: (String) -> Void,
        pause: (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) async throws {
        var random = SystemRandomNumberGenerator()
        var backoff = Backoff()
        var lastID = after.map { String($0) } ?? ""
        var hasBegun = false
        while true {
            var parser = ServerSentEventParser(lastID: lastID)
            var reason = "the server ended the stream"
            do {
                try await server.stream(request(lastID: lastID)) { bytes in
                    hasBegun = true
                    for event in try parser.feed(bytes) {
                        lastID = event.id
                        backoff.reset()
                        try show(event, on: screen)
                    }
                }
            } catch let error as ClientError where hasBegun && error.kind == .unavailable {
                reason = error.message
            }
            notice("\(reason); trying again")
            try await pause(backoff.wait(using: &random))
        }
    }

    private func request(lastID: String) -> ServerRequest {
        var request = ServerRequest("GET", "admin", "v1", "events")
        request.headers = [(name: "Accept", value: "text/event-stream")]
        if !lastID.isEmpty { request.headers.append((name: "Last-Event-ID", value: lastID)) }
        return request
    }

    private func show(_ event: ServerSentEvent, on screen: Screen) throws {
        let reply = ServerReply(status: 200, timing: nil, body: Array(event.data.utf8))
        let document = try Event.read(reply, from: server.settings.url)
        guard isWanted(document) else { return }
        if isJSON {
            try screen.write(document: reply.body)
        } else {
            try screen.write(document.line(isColoured: screen.isColoured) + "\n")
        }
    }

    private func isWanted(_ event: Event) -> Bool { deployment == nil || event.deployment == deployment }
}
