/// The table of all deployments.
struct Overview {
    let url: ServerURL
    let server: ServerDocument
    let deployments: [DeploymentDocument]

    func lines(isColoured: Bool) -> [String] {
        var table = TextTable([
            .text("NAME"), .text("STATE"), .text("VERSIONS"), .number("REPLICAS"), .number("REQ/S"), .number("P50 MS"),
            .number("P99 MS"), .number("QUEUED"), .text("REASON"),
        ])
        for deployment in deployments { table.add(Self.row(deployment)) }
        // The server's are those of all deployments.
        let warnings = server.warnings ?? []
        return [headline, ""]
            + (deployments.isEmpty ? ["no deployments"] : table.lines(isColoured: isColoured))
            + (server.fleet.map { [""] + $0.lines(isColoured: isColoured) } ?? [])
            + (warnings.isEmpty ? [] : [""] + warnings.map { "warning: \($0.printable)" })
    }

    private var headline: String {
        var parts = ["Manta \(server.version ?? "of unknown version") at \(url)"]
        let reason = server.reason.map { ": \($0)" } ?? ""
        parts.append(server.ready == true ? "ready" : "not ready\(reason)")
        if let uptime = server.uptimeS { parts.append("up \(Quantity.age(uptime))") }
        if let cpus = server.node?.cpus {
            parts.append("\(JSONValue.number(cpus).text) CPU\(cpus == 1 ? "" : "s")")
        }
        if let bytes = server.node?.residentBytes { parts.append(Quantity.bytes(bytes)) }
        return parts.joined(separator: ", ").printable
    }

    /// Rates and queues are those of all versions together, latencies those of the slowest: percentiles don't add up.
    private static func row(_ deployment: DeploymentDocument) -> [String] {
        let versions = (deployment.versions ?? []).filter { $0.state != "gone" }
        let ready = versions.reduce(0) { $0 + $1.readyReplicas }
        let minutes = versions.compactMap(\.lastMinute)
        let rates = minutes.compactMap(\.perSecond)
        return [
            deployment.name, deployment.state ?? "-", versions.map { String($0.version) }.joined(separator: ","),
            "\(ready)/\(deployment.wantedReplicas)", Quantity.short(rates.isEmpty ? nil : rates.reduce(0, +)),
            Quantity.short(minutes.compactMap(\.p50Ms).max()), Quantity.short(minutes.compactMap(\.p99Ms).max()),
            String(versions.reduce(0) { $0 + ($1.queued ?? 0) }), deployment.reason ?? "",
        ]
    }
}

extension ServerDocument.Fleet {
    /// Its nodes, what they host and why not more.
    fileprivate func lines(isColoured: Bool) -> [String] {
        var table = TextTable([
            .text("NODE"), .text("KIND"), .text("STATE"), .text("ADDRESS"), .number("CPUS"), .text("REPLICAS"),
        ])
        for node in nodes {
            let groups = node.groups.map { group in
                let count = group.ready == group.assigned ? "\(group.ready)" : "\(group.ready)/\(group.assigned)"
                return "\(group.name): \(count)\(group.reason.map { " (\($0))" } ?? "")"
            }
            table.add([
                node.id, node.id == leader ? "\(node.kind), leads" : node.kind, node.state, node.address,
                node.kind == "worker" || node.cpus > 0 ? JSONValue.number(node.cpus).text : "-",
                groups.joined(separator: ", "),
            ])
        }
        let silence = storeSilentS.map {
            ["etcd is silent for \(Quantity.age($0)): what serves goes on, nothing changes"]
        }
        return (silence ?? []) + table.lines(isColoured: isColoured)
    }
}
