import MantaAutoscaler
import MantaConfig
import MantaCore
import MantaServing

/// What is wanted, put together from what was found on disk and what operators asked for.
///
/// The rule, for each deployment: a configuration that a client had it loaded with counts instead of an operator's, and
/// that instead of the one in `model.yaml`, each as a whole; an operator's scale counts instead of the configuration's;
/// which versions there are is always read from the disk.
struct WantedState {
    /// What was found on disk.
    let findings: ModelRepository.Findings
    /// What operators asked for.
    let changes: [String: OperatorChange]
    /// How many CPUs the process may use.
    let cpus: Int
    /// The hash of a model file; with true if it is in a version's folder.
    let hash: (String, Bool) -> VersionHash
    /// What was wanted until now: it stays where something can't be read any more.
    let previous: [String: WantedDeployment]

    /// All deployments, by name.
    ///
    /// - Note: Reads files: blocks its thread.
    func deployments() -> [WantedDeployment] {
        let found = Dictionary(findings.deployments.map { ($0.configuration.name, $0) }) { first, _ in first }
        let configured = changes.filter { $0.value.given != nil }.keys
        // A repository that can't be listed now hasn't lost its models.
        let kept = previous.filter { name, wanted in
            wanted.source.kind != .admin && wanted.source.kind != .client
                && findings.unreadable.contains { wanted.isIn($0) }
        }.keys
        let names = Set(found.keys).union(configured).union(findings.broken.keys).union(kept)
        return names.sorted().compactMap { name in
            let change = changes[name] ?? OperatorChange()
            return change.isUnloaded ? nil : deployment(name, found[name], change)
        }
    }

    private func deployment(
        _ name: String, _ found: DeploymentSource?, _ change: OperatorChange
    ) -> WantedDeployment {
        if let yaml = change.given { return configured(name, yaml, found, change) }
        guard let found else {
            let fault = findings.broken[name]?.description ?? "its folder can't be read"
            return unreadable(name, fault, change)
        }
        let source: WantedDeployment.Source = found.file.map { .init(.file, file: $0) } ?? .init(.defaults)
        return wanted(found, source, change)
    }

    /// An operator's or a client's configuration, whose model is in a repository or where it says.
    private func configured(
        _ name: String, _ yaml: String, _ found: DeploymentSource?, _ change: OperatorChange
    ) -> WantedDeployment {
        do throws(ConfigurationErrors) {
            let configuration = try DeploymentConfiguration(yaml: yaml, file: "configuration", name: name)
            var place = found
            // Also where the file is wrong: it doesn't count, and the versions are beside it all the same.
            if let path = configuration.path ?? (found == nil ? findings.folders[name] : nil) {
                place = try ModelRepository.deployment(of: configuration, at: path)
            }
            if place == nil, !configuration.remote.isEmpty {
                place = DeploymentSource(configuration: configuration, versions: [:], origin: name)
            }
            guard var place else {
                throw ConfigurationErrors(faults: [
                    .init(file: name, message: "there is no model of this name in a repository, and no \"path\" to it")
                ])
            }
            place.configuration = configuration
            return wanted(place, .init(change.source, overrides: found?.file), change)
        } catch {
            return unreadable(name, error.description, change)
        }
    }

    /// What was wanted until now goes on where it can't be read any more, but for what operators say of its scale.
    private func unreadable(_ name: String, _ fault: String, _ change: OperatorChange) -> WantedDeployment {
        guard var wanted = previous[name] else {
            var wanted = WantedDeployment(
                configuration: DeploymentConfiguration(name: name),
                source: .init(change.source), versions: [], scale: .pinned(cpus))
            wanted.fault = fault
            wanted.isScaledByHand = change.scale != nil
            return wanted
        }
        wanted.scale = scale(of: wanted.configuration, change)
        wanted.isScaledByHand = change.scale != nil
        wanted.warnings = ["what was read before still counts: \(fault)"]
        return wanted
    }

    private func wanted(
        _ place: DeploymentSource, _ source: WantedDeployment.Source, _ change: OperatorChange
    ) -> WantedDeployment {
        let configuration = place.configuration
        if !configuration.remote.isEmpty {
            var wanted = WantedDeployment(
                configuration: configuration, source: source, versions: [.remote(number: configuration.remoteVersion)],
                scale: .pinned(1))
            for spec in wanted.versions { wanted.places[spec] = .init(configuration.remote) }
            wanted.replicasElsewhere = configuration.remote.count
            wanted.warnings = place.warnings
            return wanted
        }
        let versions = place.selected.compactMap { number in
            place.versions[number].map { path in
                VersionSpec(number: number, path: path, hash: hash(path, path != place.origin))
            }
        }
        var wanted = WantedDeployment(
            configuration: configuration, source: source, versions: versions, scale: scale(of: configuration, change))
        wanted.isScaledByHand = change.scale != nil
        wanted.warnings = place.warnings
        if case .latest = configuration.versions {
            // Told apart by their paths alone: to read older versions at each start would cost more than it is worth.
            wanted.fallbacks = place.versions.filter { !place.selected.contains($0.key) }.sorted { $0.key > $1.key }
                .map { VersionSpec(number: $0.key, path: $0.value, hash: "unread") }
        }
        if versions.isEmpty { wanted.fault = place.vacancy }
        wanted.warnings = place.faults.map(\.description).filter { _ in !versions.isEmpty }
        if case .automatic(let min, let max) = change.scale,
            let fault = configuration.scaling(min: min, max: max).faults.first
        {
            wanted.warnings.append(
                "the bounds that an operator set don't fit the configuration and don't count (\(fault.key): \(fault.message))"
            )
        }
        switch wanted.scale {
        case .pinned(let count): wanted.warnings += lanesWarning(count, configuration)
        case .automatic(let scaling): wanted.warnings += lanesWarning(scaling.maxReplicas ?? 0, configuration)
        case .tuned, .followed: break
        }
        return wanted
    }

    private func scale(of configuration: DeploymentConfiguration, _ change: OperatorChange) -> WantedDeployment.Scale {
        switch change.scale {
        case .pinned(let count):
            return .pinned(count)
        case .automatic(let min, let max):
            let scaling = configuration.scaling(min: min, max: max)
            // Bounds that were right for another configuration.
            return .automatic(scaling.faults.isEmpty ? scaling : configuration.scaling(min: nil, max: nil))
        case nil:
            if configuration.isTuned { return .tuned }
            if configuration.autoscaling != nil { return .automatic(configuration.scaling(min: nil, max: nil)) }
            return .pinned(configuration.replicas ?? Swift.max(1, cpus / configuration.options.threads))
        }
    }

    private func lanesWarning(_ replicas: Int, _ configuration: DeploymentConfiguration) -> [String] {
        let threads = configuration.options.threads
        guard replicas * threads > cpus else { return [] }
        return [
            "\(replicas) replicas with \(threads) \(threads == 1 ? "thread" : "threads") each ask for "
                + "\(replicas * threads) CPUs; this process has \(cpus)"
        ]
    }
}

extension OperatorChange {
    /// Where the configuration that counts comes from.
    fileprivate var source: WantedDeployment.Source.Kind {
        loaded != nil ? .client : configuration != nil ? .admin : .file
    }
}

extension WantedDeployment {
    /// Whether its models are in a folder.
    fileprivate func isIn(_ folder: String) -> Bool {
        versions.contains { $0.path.hasPrefix(folder + "/") } || source.file?.hasPrefix(folder + "/") == true
    }
}

extension DeploymentConfiguration {
    /// The number of the version that other servers have: the one that all of their addresses name, or 1.
    fileprivate var remoteVersion: Int {
        let numbers = Set(remote.map(\.version))
        return numbers.count == 1 ? numbers.first.flatMap(\.self) ?? 1 : 1
    }

    /// How it scales by its load, with other bounds where they are given.
    func scaling(min: Int?, max: Int?) -> AutoscalingConfiguration {
        var scaling = autoscaling ?? AutoscalingConfiguration()
        if let min { scaling.minReplicas = min }
        if let max { scaling.maxReplicas = max }
        if min != nil || max != nil { scaling.initialReplicas = nil }
        // A request may wait in the queue for half of the time that it may take.
        if let objective { scaling.targetQueueWait = scaling.targetQueueWait ?? objective / 2 }
        return scaling
    }
}
