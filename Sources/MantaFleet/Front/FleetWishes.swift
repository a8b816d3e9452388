import MantaConfig
import MantaCore
import MantaServing

/// Makes of what the store says what a front is to serve, again and again: deployments of which nothing changed aren't looked
/// at twice. A value.
struct FleetWishes: Sendable {
    private struct Known {
        let record: DeploymentRecord
        let replicas: Int
        let hosts: [[Hosts.Host]]
        let wanted: WantedDeployment
    }

    private var known: [String: Known] = [:]

    /// The deployments as a front serves them: where their replicas are, and why there are no more.
    ///
    /// - Parameters:
    ///   - state: What the store says.
    ///   - remembered: Nodes that were there a moment ago. Whether they still serve is for the connections to them to
    ///     tell, not for their leases.
    ///
    /// - Returns: The deployments, by name.
    mutating func wanted(of state: FleetState, remembered: [String: NodeRecord] = [:]) -> [WantedDeployment] {
        let hosts = Hosts(state, remembered: remembered)
        var next: [String: Known] = [:]
        let deployments = state.deployments.values.sorted { $0.name < $1.name }.map { record in
            let (replicas, places) = (record.replicas(on: hosts.labels), record.groups.map { hosts[$0.name] })
            var known = known[record.name]
            if known?.record != record || known?.replicas != replicas || known?.hosts != places { known = nil }
            let wanted = known?.wanted ?? Self.wanted(record, on: hosts)
            next[record.name] = Known(record: record, replicas: replicas, hosts: places, wanted: wanted)
            return wanted
        }
        known = next
        return deployments
    }
}

/// Who has replicas of which group.
private struct Hosts {
    struct Host: Equatable {
        let node: String
        let address: String
        var replicas: [NodeRecord.Replica]
    }

    /// In the order of their nodes.
    private var byGroup: [String: [Host]] = [:]
    /// The labels of the nodes that take replicas.
    let labels: [[String: String]]

    init(_ state: FleetState, remembered: [String: NodeRecord]) {
        labels = state.takers.map(\.labels)
        for node in state.nodes.merging(remembered, uniquingKeysWith: { present, _ in present }).values.sorted(by: {
            $0.id < $1.id
        }) {
            for (group, replicas) in Dictionary(grouping: node.replicas, by: \.group) {
                byGroup[group, default: []].append(Host(node: node.id, address: node.address, replicas: replicas))
            }
        }
    }

    subscript(group: String) -> [Host] { byGroup[group] ?? [] }

    /// How many replicas of a group are ready.
    func readyCount(of group: String) -> Int {
        self[group].reduce(0) { sum, host in sum + host.replicas.count { $0.isReady } }
    }
}

extension FleetWishes {
    private static func wanted(_ record: DeploymentRecord, on hosts: Hosts) -> WantedDeployment {
        var configuration = DeploymentConfiguration(name: record.name)
        var fault = record.fault
        do throws(ConfigurationErrors) {
            configuration = try DeploymentConfiguration(yaml: record.yaml, file: "configuration", name: record.name)
        } catch {
            fault = fault ?? error.description
        }
        var wanted = WantedDeployment(
            configuration: configuration, source: .init(.admin),
            versions: served(record, on: hosts).map { .remote(number: $0.version, group: $0.name) }, scale: .pinned(1))
        wanted.replicasElsewhere = record.replicas(on: hosts.labels)
        if let scaling = record.scaling {
            wanted.scale = .followed(scaling.configuration, count: record.replicas ?? 1)
            wanted.lastDecision = scaling.last?.decision
        }
        if record.versions.isEmpty { wanted.fault = fault ?? "it has no version" }
        wanted.warnings =
            ([fault] + record.pending.sorted { $0.key < $1.key }.map(\.value)).compactMap(\.self) + (record.notes ?? [])
        for group in record.groups {
            wanted.places[.remote(number: group.version, group: group.name)] = places(
                of: group, pending: record.pending[group.name], on: hosts)
        }
        return wanted
    }

    /// What a front is to serve: what is wanted, but in place of what isn't ready yet what was there before.
    private static func served(_ record: DeploymentRecord, on hosts: Hosts) -> [GroupRecord] {
        guard !record.kept.isEmpty else { return record.versions }
        // What had taken over and rests is what is awaited.
        let isOldReady = record.kept.contains { hosts.readyCount(of: $0.name) > 0 }
        if record.takeover != nil, !isOldReady { return record.versions }
        let full = record.replicas(on: hosts.labels)
        let count = max(min(full, record.takeover ?? full), 1)
        let new = record.versions.filter { hosts.readyCount(of: $0.name) >= count }
        guard new.count < record.versions.count else { return record.versions }
        let numbers = Set(new.map(\.version))
        var old: [Int: GroupRecord] = [:]
        // Of several before it the last one: it was wanted last.
        for group in record.kept where !numbers.contains(group.version) { old[group.version] = group }
        return new + old.values.sorted { $0.version < $1.version }
    }

    private static func places(
        of group: GroupRecord, pending: String?, on hosts: Hosts
    ) -> WantedDeployment.Places {
        let path = "/v2/models/\(group.name.pathSegment)/versions/1"
        var addresses: [RemoteAddress] = []
        var counts: [RemoteAddress: Int] = [:]
        var reasons: [String] = [pending].compactMap(\.self)
        for host in hosts[group.name] {
            let readyCount = host.replicas.count { $0.isReady }
            // A worker that was started again may have the address of the one before.
            if readyCount > 0, let address = RemoteAddress(host.address + path), counts[address] == nil {
                addresses.append(address)
                counts[address] = readyCount
            }
            if let reason = host.replicas.lazy.compactMap(\.reason).first {
                reasons.append("node \(host.node): \(reason)")
            }
        }
        if reasons.isEmpty, addresses.isEmpty { reasons = ["no node has loaded it yet"] }
        var places = WantedDeployment.Places(
            addresses, obstacle: reasons.isEmpty ? nil : reasons.joined(separator: "; "))
        places.replicas = counts
        return places
    }
}

extension String {
    /// As a segment of a URL's path (RFC 3986, section 3.3).
    var pathSegment: String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~@".utf8)
        return utf8.map { byte in
            if plain.contains(byte) { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count == 1 ? "0" : "") + digits
        }.joined()
    }
}
