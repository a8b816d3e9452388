/// Models that other servers have loaded, and how to reach them.
///
/// A protocol so that what decides about servers that fail can be tested without any.
public protocol RemoteModels: Sendable {
    /// Asks a server about a model.
    ///
    /// - Throws: ``RemoteFailure`` if it doesn't answer within the time, or not as the protocol says.
    func describe(_ address: RemoteAddress, within limit: Duration) async throws(RemoteFailure) -> RemoteDescription

    /// Has a server run a batch. Cancelling the task gives the connection up.
    ///
    /// - Returns: One tensor for each output wanted, in that order, of the types that the signature says.
    /// - Throws: ``RemoteFailure``.
    func run(_ batch: RemoteBatch, at address: RemoteAddress) async throws(RemoteFailure) -> [Tensor]

    /// Looks whether the server still lives, without its model.
    ///
    /// - Throws: ``RemoteFailure`` if it doesn't answer within the time.
    func look(at address: RemoteAddress, within limit: Duration) async throws(RemoteFailure)

    /// Whether the model is in this process, so that no network is between.
    func isHere(_ address: RemoteAddress) -> Bool
}

extension RemoteModels {
    /// Nothing is, unless somebody says so.
    public func isHere(_ address: RemoteAddress) -> Bool { false }
}

/// Where a model is served: `http://host:8000/v2/models/name`, or a version of it.
public struct RemoteAddress: Sendable, Hashable, CustomStringConvertible {
    /// The server, such as `http://host:8000`.
    public let server: String
    /// The model's path on it, such as `/v2/models/name/versions/3`.
    public let path: String

    /// The address in a URL; `nil` if it isn't one of a model.
    public init?(_ url: String) {
        guard let scheme = ["http://", "https://"].first(where: url.hasPrefix) else { return nil }
        let rest = url.dropFirst(scheme.count)
        guard let slash = rest.firstIndex(of: "/"), slash > rest.startIndex else { return nil }
        let host = rest[..<slash]
        guard host.utf8.allSatisfy(Self.isInHost) else { return nil }
        server = scheme + host
        var path = rest[slash...]
        while path.last == "/" { path.removeLast() }
        self.path = String(path)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard path.utf8.allSatisfy(Self.isInPath), !parts.contains(""),
            parts.count == 3 || parts.count == 5 && parts[4] == "versions" && Int(parts[5]) ?? 0 > 0,
            parts.starts(with: ["v2", "models"])
        else { return nil }
    }

    /// Letters, digits, dots and the like, a port, and the brackets of an IPv6 address.
    private static func isInHost(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x3A, 0x41...0x5B, 0x5D, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }

    /// What may stand in a path as it is, or begins an escape (RFC 3986, section 3.3).
    private static func isInPath(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !"\"#<>?[\\]^`{|}".utf8.contains(byte)
    }

    /// The version that it names; `nil` if the server is to choose.
    public var version: Int? {
        let parts = path.split(separator: "/")
        return parts.count == 5 ? Int(parts[4]) : nil
    }

    /// The URL.
    public var description: String { server + path }
}

/// What a server says of a model.
public struct RemoteDescription: Sendable, Equatable {
    /// What it takes and gives.
    public var signature: ModelSignature
    /// The most rows of a batch, 0 if it never batches; `nil` if the server doesn't say.
    public var maxRows: Int?
    /// How many runs there can be at a time; `nil` if the server doesn't say.
    public var replicas: Int?

    /// A description.
    public init(signature: ModelSignature, maxRows: Int? = nil, replicas: Int? = nil) {
        (self.signature, self.maxRows, self.replicas) = (signature, maxRows, replicas)
    }
}

/// A batch for a model that another server has loaded.
public struct RemoteBatch: Sendable {
    /// What the model takes and gives.
    public var signature: ModelSignature
    /// One tensor for each input, `nil` for an optional one that is left out.
    public var inputs: [Tensor?]
    /// The indices of the outputs wanted, in the order wanted.
    public var outputs: [Int]
    /// How long its answer is of use.
    public var timeout: Duration
    /// Where it belongs in the trace of whoever asked for it.
    public var trace: TraceContext?

    /// A batch.
    public init(
        signature: ModelSignature, inputs: [Tensor?], outputs: [Int], timeout: Duration, trace: TraceContext? = nil
    ) {
        (self.signature, self.inputs, self.outputs) = (signature, inputs, outputs)
        (self.timeout, self.trace) = (timeout, trace)
    }
}

/// Why another server didn't do what it was asked.
public struct RemoteFailure: Error, Sendable, Equatable {
    /// What this says of the server and of what was asked.
    public enum Kind: Sendable, Equatable {
        /// There is no connection: it has got nothing.
        case unreachable
        /// The connection broke, or the answer isn't one: it may have run what was asked.
        case lost
        /// It has more to do than it takes, or its model can't serve now: it hasn't run what was asked.
        case refused
        /// It didn't answer in time.
        case silent
        /// What was asked had so little time that its silence says nothing yet.
        case late
        /// It has answered that this request failed, which another server would say too.
        case answered(ServingError.Code)

        /// Whether it has answered.
        package var isAnswer: Bool { if case .answered = self { true } else { false } }
    }

    /// What this says of the server.
    public var kind: Kind
    /// What is wrong, with the address.
    public var message: String

    /// A failure.
    public init(_ kind: Kind, _ message: String) {
        (self.kind, self.message) = (kind, message)
    }
}
