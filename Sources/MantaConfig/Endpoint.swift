/// Where to listen: `HOST:PORT`, or `:PORT` for this machine only. An IPv6 address stands in brackets.
public struct Endpoint: Sendable, Hashable {
    /// The address or name.
    public let host: String
    /// The port; 0 takes any that is free.
    public let port: Int

    /// Completes "expected …".
    public static let expected = "HOST:PORT, such as 0.0.0.0:8000, [::1]:8000 or :8000 (this machine only)"

    /// The place that the text names, or `nil` if it isn't what is expected.
    public init?(_ text: String) {
        guard
            let match = text.wholeMatch(of: /(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<name>[^\s:\/\[\]]*)):(?<port>[0-9]{1,5})/),
            let port = UInt16(match.output.port)
        else { return nil }
        let name = match.output.v6 ?? match.output.name ?? ""
        self.host = name.isEmpty ? "127.0.0.1" : String(name)
        self.port = Int(port)
    }
}

extension Endpoint {
    /// Completes "expected …" where a listener may be switched off.
    public static let expectedOrOff = expected + ", or off"

    /// The place that the text names, or none if it is `off`; `nil` if it isn't what is expected.
    public static func orOff(_ text: String) -> Endpoint?? {
        text == "off" ? .some(nil) : Endpoint(text).map(Optional.some)
    }
}

extension Kind<Endpoint?> {
    /// Where to listen, if anywhere.
    static var endpointOrOff: Self {
        Kind(expected: Endpoint.expectedOrOff) { scalar in
            guard case .string(let text) = scalar else { return nil }
            return Endpoint.orOff(text)
        }
    }
}

extension Kind<Endpoint> {
    /// Where to listen.
    static var endpoint: Self {
        Kind(expected: Endpoint.expected) { scalar in
            guard case .string(let text) = scalar else { return nil }
            return Endpoint(text)
        }
    }
}
