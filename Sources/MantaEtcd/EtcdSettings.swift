import FoundationEssentials
import MantaStore

/// How an etcd is reached.
public struct EtcdSettings: Sendable {
    /// Who asks.
    public struct User: Sendable {
        /// The user's name in etcd.
        public var name: String
        /// The user's password.
        public var password: String

        /// A user with a password.
        public init(name: String, password: String) {
            (self.name, self.password) = (name, password)
        }
    }

    /// Whom to trust and as whom to appear over TLS. All are files, PEM.
    public struct TLS: Sendable {
        /// The certificates to trust; `nil` for those of the system.
        public var trustRoots: String?
        /// The certificate to show, with those between it and its authority; `nil` to show none.
        public var certificate: String?
        /// The key of ``certificate``.
        public var key: String?

        /// These files.
        public init(trustRoots: String? = nil, certificate: String? = nil, key: String? = nil) {
            (self.trustRoots, self.certificate, self.key) = (trustRoots, certificate, key)
        }
    }

    /// Where its members answer: `http://host:port` or `https://host:port`, at least one. Another is asked when one
    /// can't be reached.
    public var endpoints: [String]
    /// What all keys begin with in etcd, so that others can use it too. Users of the store don't see it.
    public var prefix = "manta/"
    /// For endpoints with `https`.
    public var tls = TLS()
    /// `nil` for an etcd without users.
    public var user: User?
    /// How long a call may take, tries at several members included. Longer than members take to elect a leader, a
    /// second or two.
    public var timeout = Duration.seconds(5)
    /// How long a watch may be silent before it is looked whether its member is still there.
    public var silence = Duration.seconds(10)
    /// How many entries are read at once. They may have a mebibyte each.
    var pageSize = 200

    /// An etcd whose members answer at these endpoints.
    public init(endpoints: [String]) {
        self.endpoints = endpoints
    }

    /// The endpoints as bases of addresses.
    func checkedEndpoints() throws(StoreError) -> [String] {
        guard !endpoints.isEmpty else {
            throw StoreError(.invalid, "no endpoint of etcd is given, expected at least one")
        }
        var bases: [String] = []
        for endpoint in endpoints {
            let url = URL(string: endpoint)
            guard let url, ["http", "https"].contains(url.scheme), url.host()?.isEmpty == false,
                ["", "/"].contains(url.path), url.query() == nil, url.user() == nil
            else {
                throw StoreError(
                    .invalid, "endpoint \"\(endpoint)\" of etcd: expected http://host:port or https://host:port")
            }
            bases.append(endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint)
        }
        return bases
    }
}
