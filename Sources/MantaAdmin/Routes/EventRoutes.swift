import AsyncAlgorithms
import FoundationEssentials
import MantaGateway
import MantaHTTP
import MantaTelemetry

/// What happened: as a list, or as a stream of server-sent events (HTML Living Standard, section 9.2).
struct EventRoutes: Sendable {
    let events: EventLog

    func register(in routes: inout Routes) {
        routes.on(.get, "/admin/v1/events") { [events] request in
            let after = try Self.lastSeen(by: request)
            guard request.headers["Accept"]?.contains("text/event-stream") == true else {
                return try .json(["events": events.events(after: after)])
            }
            return HTTPResponse(
                headers: ["Content-Type": "text/event-stream", "Cache-Control": "no-cache"],
                body: .endless { writer in
                    try await Self.write(events, after: after, to: writer)
                })
        }
    }

    /// Sends events as they come, and a comment now and then, so that whoever stands between doesn't take the
    /// connection for dead.
    private static func write(_ events: EventLog, after id: UInt64?, to writer: HTTPBodyWriter) async throws {
        let texts = events.follow(after: id).map { event in
            let data = String(decoding: (try? JSONEncoder.documents.encode(event)) ?? Data(), as: UTF8.self)
            return "id: \(event.id)\nevent: \(event.kind.rawValue)\ndata: \(data)\n\n"
        }
        let comments = AsyncTimerSequence(interval: .seconds(15), clock: .continuous).map { _ in ":\n\n" }
        try await writer.write(Array(":\n\n".utf8))
        for await text in merge(texts, comments) { try await writer.write(Array(text.utf8)) }
    }

    /// A browser that resumes sends the path that it began with, so the header counts where both are given.
    private static func lastSeen(by request: HTTPRequest) throws(HTTPError) -> UInt64? {
        let after = try id(request.query("after"), "query parameter after")
        return try id(request.headers["Last-Event-ID"], "header Last-Event-ID") ?? after
    }

    private static func id(_ text: String?, _ name: String) throws(HTTPError) -> UInt64? {
        guard let text, !text.isEmpty else { return nil }
        guard let id = UInt64(text) else {
            throw HTTPError(.badRequest, "\(name): expected the id of an event, a whole number, got \(text)")
        }
        return id
    }
}
