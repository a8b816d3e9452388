import ArgumentParser

/// `HOST:PORT`, or `:PORT` for the loopback address. An IPv6 address stands in brackets.
struct Endpoint: ExpressibleByArgument {
    let host: String
    let port: Int

    init?(argument: String) {
        guard let colon = argument.lastIndex(of: ":"),
            let port = UInt16(argument[argument.index(after: colon)...])
        else { return nil }
        var host = argument[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        if host.contains(":") != argument.hasPrefix("[") { return nil }
        self.host = host.isEmpty ? "127.0.0.1" : String(host)
        self.port = Int(port)
    }
}
