extension NodesConfiguration {
    /// The most workers that can be asked for.
    public static let mostWorkers = 1000

    /// Reads the key `nodes` of a fleet.
    static func read(_ keys: inout MappingReader, folder: String, store: (NodesConfiguration) -> Void) {
        var found: [NodesConfiguration] = []
        keys.mapping("nodes") { keys in
            keys.mapping("local", required: ["max"]) { keys in
                var nodes = NodesConfiguration.local(1...1)
                nodes.readShared(&keys)
                found.append(nodes)
            }
            keys.mapping("kubernetes", required: ["stateful_set", "max", "cpus"]) { keys in
                var kubernetes = Kubernetes(statefulSet: "")
                keys.value("stateful_set", .resourceName) { kubernetes.statefulSet = $0 }
                keys.value("namespace", .resourceName) { kubernetes.namespace = $0 }
                keys.value("service_account", .path(in: folder)) { kubernetes.serviceAccount = $0 }
                var nodes = NodesConfiguration.kubernetes(kubernetes, 1...1)
                nodes.readShared(&keys)
                found.append(nodes)
            }
        }
        guard found.count <= 1 else { return keys.fault("nodes", "expected one of \"local\" and \"kubernetes\"") }
        if let nodes = found.first { store(nodes) }
    }

    private mutating func readShared(_ keys: inout MappingReader) {
        var (fewest, most) = (1, 1)
        keys.value("min", .integer(in: 0...Self.mostWorkers)) { fewest = $0 }
        keys.value("max", .integer(in: 1...Self.mostWorkers)) { most = $0 }
        if most < fewest { keys.fault("max", "expected \"min\", \(fewest), or more, found \(most)") }
        count = fewest...max(fewest, most)
        keys.value("idle_time_s", .seconds(in: 1...86_400)) { idleTime = $0 }
        keys.value("cpus", .number(in: 0...100_000)) { cpus = $0 }
        keys.value("memory", .bytes(in: 1...1 << 50)) { memory = $0 }
        keys.value("gpus", .number(in: 0...1000)) { gpus = $0 }
    }
}

extension Kind<String> {
    /// A name as Kubernetes takes it (RFC 1123, a DNS subdomain).
    fileprivate static var resourceName: Self {
        Kind(expected: "a name of Kubernetes: lower-case letters, digits, - and .") { scalar in
            guard case .string(let name) = scalar,
                name.wholeMatch(of: /[a-z0-9]([a-z0-9.\-]{0,251}[a-z0-9])?/) != nil
            else { return nil }
            return name
        }
    }
}
