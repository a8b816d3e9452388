/// Keeps pages of other sites from using an operator's browser against a listener.
///
/// A page anywhere can make a browser send requests to this machine or network. What it can't do is lie about where the
/// request comes from (`Origin`, `Sec-Fetch-Site`), nor send a body as JSON or YAML without asking first, which nobody
/// here answers. A page can also have its own name resolved to our address (DNS rebinding), so that it counts as ours;
/// but then its name is in `Host`.
struct BrowserGuard: Sendable {
    /// Names to be asked for by, lowercased; `nil` for any.
    private let hosts: Set<String>?
    private let isForOperators: Bool
    private let isPlain: Bool

    /// What a listener needs; `nil` if that is nothing.
    init?(_ configuration: HTTPServerConfiguration) {
        let isLocal = configuration.isForOperators && configuration.listensOnThisMachineOnly
        hosts = configuration.hosts.isEmpty && !isLocal ? nil : Set(configuration.hosts.map { $0.lowercased() })
        isForOperators = configuration.isForOperators
        isPlain = configuration.tls == nil
        if hosts == nil, !isForOperators { return nil }
    }

    /// Refuses what an operator can't have meant.
    ///
    /// - Throws: ``HTTPError`` 421 for a name that isn't ours, 403 for a change that another site's page asks for, 415
    ///   for a body that such a page could send unasked.
    func check(_ head: RequestHead) throws(HTTPError) {
        let host = head.headers["Host"]
        try checkName(host)
        guard isForOperators, ![.get, .head, .options, .trace].contains(head.method) else { return }
        try checkOrigin(head.headers, host: host)
        if head.announcesBody, head.contentLength != 0 { try checkType(head.headers["Content-Type"]) }
    }

    private func checkName(_ host: String?) throws(HTTPError) {
        // No browser leaves Host out; HTTP/1.0 may.
        guard let hosts, let host else { return }
        let name = Self.name(of: host)
        guard name != "localhost", IPAddress(name) == nil, !hosts.contains(name) else { return }
        throw HTTPError(
            .misdirectedRequest,
            "this listener doesn't go by the name \"\(name)\": ask for its address or localhost, or add the name to "
                + "\"hosts\" in its configuration")
    }

    private func checkOrigin(_ headers: HTTPHeaders, host: String?) throws(HTTPError) {
        if let site = headers["Sec-Fetch-Site"], site != "same-origin", site != "none" {
            throw HTTPError(.forbidden, "a browser sent this for another site (Sec-Fetch-Site: \(site))")
        }
        guard let origin = headers["Origin"]?.lowercased() else { return }
        let own = (host ?? "").lowercased()
        // In front of a plain listener a proxy may speak TLS.
        guard origin == "https://" + own || isPlain && origin == "http://" + own else {
            throw HTTPError(
                .forbidden,
                "a page of \(origin) asked for this, which isn't this listener's own (Host: \(own)); a proxy in between "
                    + "has to pass Host on as it is")
        }
    }

    private func checkType(_ type: String?) throws(HTTPError) {
        let essence = (type ?? "").prefix { $0 != ";" }.trimmed.lowercased()
        let isKnown = Self.types.contains(essence) || essence.hasSuffix("+json") || essence.hasSuffix("+yaml")
        guard !isKnown else { return }
        throw HTTPError(
            .unsupportedMediaType,
            "the body's Content-Type is \(type.map { "\"\($0)\"" } ?? "missing"), expected application/json or "
                + "application/yaml")
    }

    private static let types: Set = [
        "application/json", "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml",
    ]

    /// The lowercased name or address in a `Host`, without port and brackets.
    private static func name(of host: String) -> String {
        let host = host.lowercased()
        if host.hasPrefix("[") { return String(host.dropFirst().prefix { $0 != "]" }) }
        return String(host.prefix { $0 != ":" })
    }
}
