/// One deployment with all that is known about it.
struct Details {
    /// The last decisions are enough: the rest are in the document.
    private static let decisionCount = 5
    private static let trialCount = 10

    let deployment: DeploymentDocument

    func lines(isColoured: Bool) -> [String] {
        let state = deployment.state ?? "unknown"
        let tone = isColoured ? TextTable.Tone(state: state) : nil
        let sections = [
            facts, versions.lines(isColoured: isColoured), replicas?.lines(isColoured: isColoured) ?? [], batching,
            tuning,
            decisions, (deployment.warnings ?? []).map { "warning: \($0.printable)" },
        ]
        return ["\(deployment.name.printable): \(tone?.paint(state) ?? state.printable)"]
            + Array(sections.filter { !$0.isEmpty }.joined(separator: [""]))
    }

    // MARK: Facts

    private var facts: [String] {
        let facts: [(String, String?)] = [
            ("reason", deployment.reason), ("configuration", configuration), ("scale", scale), ("update", update),
        ]
        let values = deployment.configuration?.values?.leaves().filter { !$0.key.isEmpty } ?? []
        let all = facts.compactMap { name, text in text.map { (name, $0) } } + values.map { ($0.key, $0.value.text) }
        let width = all.map(\.0.count).max() ?? 0
        return all.map { name, text in
            "  \(name)\(String(repeating: " ", count: width - name.count))  \(text)".printable
        }
    }

    private var configuration: String? {
        deployment.configuration.map { configuration in
            let overrides = configuration.overrides.map { ", instead of \($0)" } ?? ""
            return [configuration.source ?? "unknown", configuration.file].compactMap(\.self).joined(separator: " ")
                + overrides
        }
    }

    private var scale: String? {
        deployment.scale.map { scale in
            let replicas = scale.replicas.map { Quantity.count($0, "replica") } ?? "any number of replicas"
            let range = scale.min.flatMap { min in scale.max.map { " between \(min) and \($0)" } } ?? ""
            return "\(replicas), \(scale.mode ?? "unknown")\(range)\(scale.source.map { " (\($0))" } ?? "")"
        }
    }

    private var update: String? {
        deployment.update.map { update in
            func list(_ versions: [Int]?) -> String { (versions ?? []).map(String.init).joined(separator: ",") }
            let reason = update.reason.map { ": \($0)" } ?? ""
            let since = update.startedAt.map { ", since \($0)" } ?? ""
            return "\(update.state ?? "unknown"), \(list(update.from)) to \(list(update.to))\(since)\(reason)"
        }
    }

    // MARK: Tables

    private var versions: TextTable {
        var table = TextTable([
            .number("VERSION"), .text("STATE"), .number("REPLICAS"), .number("QUEUED"), .number("ONGOING"),
            .number("REQ/S"), .number("FAILED"), .number("P50 MS"), .number("P95 MS"), .number("P99 MS"),
            .number("ROWS/BATCH"), .number("AGE"), .text("MODEL"),
        ])
        for version in deployment.versions ?? [] {
            let minute = version.lastMinute
            table.add([
                (version.default == true ? "*" : "") + String(version.version), version.state ?? "-",
                "\(version.readyReplicas)/\(deployment.allReplicas(of: version))", Self.text(version.queued),
                Self.text(version.ongoing), Quantity.short(minute?.perSecond), Self.text(minute?.failures),
                Quantity.short(minute?.p50Ms), Quantity.short(minute?.p95Ms), Quantity.short(minute?.p99Ms),
                Quantity.short(minute?.meanBatchRows), Quantity.age(version.ageS),
                [version.path, version.reason].compactMap(\.self).joined(separator: ": "),
            ])
        }
        return table
    }

    private var replicas: TextTable? {
        var table = TextTable([
            .text("REPLICA"), .text("NODE"), .text("STATE"), .number("ONGOING"), .number("BATCHES"), .number("AGE"),
            .text("LAST ERROR"),
        ])
        var isEmpty = true
        for version in deployment.versions ?? [] {
            for replica in version.replicas ?? [] {
                isEmpty = false
                table.add([
                    "\(version.version)/\(replica.id)", replica.place, replica.state ?? "-",
                    Self.text(replica.ongoing), Self.text(replica.batches), Quantity.age(replica.ageS),
                    replica.lastError ?? "",
                ])
            }
        }
        return isEmpty ? nil : table
    }

    // MARK: What was decided

    private var batching: [String] {
        (deployment.versions ?? []).compactMap { version in
            guard let batching = version.batching, let rows = batching.rowsInForce else { return nil }
            let size = rows == 0 ? "no batches" : "batches of up to \(Quantity.count(rows, "row"))"
            return "version \(version.version): \(size)\(batching.reason.map { ": \($0)" } ?? "")".printable
        }
    }

    private var tuning: [String] {
        (deployment.versions ?? []).flatMap { version -> [String] in
            guard let tuning = version.tuning else { return [] }
            let best = "\(Self.text(tuning.best)): \(tuning.reason ?? "")"
            let now = tuning.candidate.map { "trying \(Self.text($0))" } ?? tuning.state ?? "unknown"
            let trials = (tuning.trials ?? []).suffix(Self.trialCount).map {
                "\($0.at ?? "")  version \(version.version): tried \(Self.text($0.lanes)), \($0.outcome ?? "unknown"): "
                    + ($0.reason ?? "")
            }
            return (["version \(version.version): tuned, \(now); best so far \(best)"] + trials).map(\.printable)
        }
    }

    private static func text(_ lanes: DeploymentDocument.Tuning.Lanes?) -> String {
        guard let replicas = lanes?.replicas, let threads = lanes?.threads else { return "-" }
        return "\(replicas) × \(Quantity.count(threads, "thread"))"
    }

    private var decisions: [String] {
        (deployment.decisions ?? []).sorted { ($0.at ?? "") < ($1.at ?? "") }.suffix(Self.decisionCount).map {
            let version = $0.version.map { "version \($0): " } ?? ""
            let change = "\(Self.text($0.from)) to \(Self.text($0.to)) replicas"
            return "\($0.at ?? "")  \(version)\(change): \($0.reason ?? "")".printable
        }
    }

    private static func text(_ number: Int?) -> String { number.map { String($0) } ?? "-" }
}

extension DeploymentDocument.Replica {
    /// Where it is, and how many of them if that isn't one.
    fileprivate var place: String {
        let node = node ?? "-"
        return count.map { $0 == 1 ? node : "\(node) (\(Quantity.count($0, "replica")))" } ?? node
    }
}
