import FoundationEssentials

/// What `manta status` shows: all deployments, or one with its details.
package struct StatusPage: Sendable {
    /// Whose status.
    let server: ServerConnection
    /// The deployment to show in detail.
    let name: String?

    /// The page of all deployments, or of the one of this name.
    package init(server: ServerConnection, name: String? = nil) {
        self.server = server
        self.name = name
    }

    /// The server's document: that of `/admin/v1/deployments`, or of the deployment.
    package func document() async throws -> [UInt8] {
        try await deployments().body
    }

    /// The page for people, several lines.
    package func text(isColoured: Bool = false) async throws -> String {
        let reply = try await deployments()
        let url = server.settings.url
        let lines: [String]
        if name == nil {
            let status = try await server.reply(to: ServerRequest("GET", "admin", "v1", "status"))
            let overview = Overview(
                url: url, server: try .read(status, from: url),
                deployments: try DeploymentsDocument.read(reply, from: url).deployments)
            lines = overview.lines(isColoured: isColoured)
        } else {
            lines = Details(deployment: try .read(reply, from: url)).lines(isColoured: isColoured)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Shows the page again and again, until the task is cancelled. A server that goes away is waited for.
    ///
    /// - Parameters:
    ///   - screen: Where to; a terminal's is redrawn, elsewhere one block follows the other.
    ///   - isJSON: Whether to show the server's document.
    ///   - pause: Waits until the page is due again.
    /// - Throws: ``ClientError`` if it can't be shown the first time.
    package func watch(
        on screen: Screen, isJSON: Bool = false,
        pause: () async throws -> Void = { try await Task.sleep(for: .seconds(1)) }
    ) async throws {
        var isFirst = true
        while true {
            var block: String
            do {
                block =
                    isJSON
                    ? String(decoding: try await document(), as: UTF8.self)
                    : try await text(isColoured: screen.isColoured)
            } catch let error as ClientError where !isFirst && error.kind == .unavailable {
                block = isJSON ? "" : error.message.printable + "\n"
            }
            if isJSON {
                if !block.isEmpty { try screen.write(block.hasSuffix("\n") ? block : block + "\n") }
            } else {
                try screen.write(screen.isTerminal ? Self.redraw(block) : (isFirst ? "" : "\n") + block)
            }
            isFirst = false
            try await pause()
        }
    }

    /// Draws over what was there, line by line, so that nothing flickers.
    private static func redraw(_ block: String) -> String {
        "\u{1B}[H" + block.replacing("\n", with: "\u{1B}[K\n") + "\u{1B}[J"
    }

    private func deployments() async throws -> ServerReply {
        var request = ServerRequest("GET", "admin", "v1", "deployments")
        if let name { request.path.append(name) }
        return try await server.reply(to: request)
    }
}
