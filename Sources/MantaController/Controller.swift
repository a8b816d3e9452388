package import MantaConfig
import MantaAutoscaler
import MantaCore
package import MantaServing
package import MantaStore
package import MantaTelemetry
import MantaThreads
package import MantaTime
import ServiceLifecycle

/// Keeps the deployments what is wanted: puts together what is on disk and what operators asked for, and tells the
/// catalog, now and whenever one of them changes.
package actor Controller: Service {
    /// Where to look, and what may be done.
    package struct Configuration: Sendable {
        /// Folders of models.
        package var repositories: [String] = []
        /// Models that are served without a repository.
        package var modelFiles: [String] = []
        /// How many CPUs the process may use.
        package var cpus = 1
        /// The folder for files that clients send; whatever else is in it is removed.
        package var uploads: String?
        /// How often to look at the disk although nothing told of a change: some file systems never tell.
        package var lookInterval = Duration.seconds(30)
        /// Whether the models that are there at first can be loaded before their files were read for their hashes. Others
        /// who are told of them may need those.
        package var hashesLater = false

        package init() {}
    }

    /// A controller that tells a catalog.
    package init(
        configuration: Configuration, store: any Store, catalog: ModelCatalog, events: EventLog,
        time: any TimeSource = MachineTime()
    ) {
        self.init(configuration: configuration, store: store, events: events, time: time) {
            catalog.apply($0, retry: $1)
        }
    }

    /// What to try again that has failed.
    package enum Retry: Sendable {
        case nothing, all
        case only(String)

        func includes(_ name: String) -> Bool {
            switch self {
            case .nothing: false
            case .all: true
            case .only(let other): name == other
            }
        }
    }

    /// What the keys of operators' changes begin with in the store.
    package static let changesPrefix = OperatorChanges.prefix

    private let configuration: Configuration
    let changes: OperatorChanges
    private let tell: @Sendable ([WantedDeployment], _ retry: (String) -> Bool) -> Void
    private let events: EventLog
    private let time: any TimeSource
    private let hashes = ContentHash()
    private var hasLooked = false
    /// What was told last.
    private var wanted: [String: WantedDeployment] = [:]
    private var findings = ModelRepository.Findings()
    /// What operators have asked for, as read last.
    private(set) var asked: [String: OperatorChange] = [:]
    /// Reconciling in progress: one waits for the other, so that what was read later is told later.
    private var turn: Task<[String], Never>?
    private var reported: Set<String> = []
    let uploads: Uploads?
    /// The folders of files that clients sent to which nothing refers yet.
    var uploading: Set<String> = []

    /// A controller that has not looked yet.
    ///
    /// - Parameters:
    ///   - configuration: Where to look, and what may be done.
    ///   - store: Where what operators ask for is kept.
    ///   - events: Told what changes.
    ///   - time: The clock.
    ///   - tell: Told all that is wanted, and what to try again that has failed.
    package init(
        configuration: Configuration, store: any Store, events: EventLog, time: any TimeSource = MachineTime(),
        tell: @escaping @Sendable ([WantedDeployment], _ retry: (String) -> Bool) -> Void
    ) {
        self.configuration = configuration
        self.changes = OperatorChanges(store: store)
        self.uploads = configuration.uploads.map(Uploads.init)
        self.tell = tell
        self.events = events
        self.time = time
    }

    /// Looks at the disk now and then, and when it changes, until shutdown.
    package func run() async throws {
        // What a process before this one had no use for any more.
        await removeUnusedUploads()
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.watch() }
                group.addTask { await self.findHashes() }
                while (try? await self.time.sleep(until: self.time.now + self.configuration.lookInterval)) != nil {
                    await self.look()
                }
            }
        }
    }

    /// Reads the files whose hashes were left for later.
    private func findHashes() async {
        let hashes = hashes
        await withTaskCancellationHandler {
            await Thread.run(name: "hashes") { hashes.findPending() }
        } onCancel: {
            hashes.stop()
        }
    }

    private func watch() async {
        do throws(FolderWatcherError) {
            let watcher = try await FolderWatcher.open(
                paths: configuration.repositories + configuration.modelFiles, time: time)
            // What has changed since the first look.
            await look()
            async let looking: Void = {
                for await _ in watcher.changes { await self.look() }
            }()
            try await watcher.run()
            await looking
        } catch {
            events.record(
                .server,
                "changes of models are noticed every \(Int(configuration.lookInterval.seconds)) s only: \(error.message)",
                severity: .warning)
        }
    }

    // MARK: - Looking

    /// Reads the disk and the store, and tells what is wanted.
    ///
    /// - Parameter retry: What to try again that has failed, since somebody asked for it.
    /// - Returns: What is wrong with files.
    @discardableResult
    package func look(retry: Retry = .nothing) async -> [String] {
        let before = turn
        let task = Task { [weak self] in
            _ = await before?.value
            return await self?.reconcile(retry: retry) ?? []
        }
        turn = task
        return await task.value
    }

    /// Returns what is wrong with files.
    private func reconcile(retry: Retry) async -> [String] {
        let isLater = configuration.hashesLater && !hasLooked
        hasLooked = true
        let all: (changes: [String: OperatorChange], unreadable: [String])
        do {
            all = try await changes.all()
        } catch {
            let fault = "the store can't be read: \(error.message)"
            report("store", fault)
            return [fault]
        }
        for name in all.unreadable { report(name, "what was asked for \(name) can't be read; it is left out") }
        let (configuration, hashes, previous) = (configuration, hashes, wanted)
        let (findings, deployments) = await Thread.run(name: "repository") {
            let findings = ModelRepository.find(
                folders: configuration.repositories, files: configuration.modelFiles)
            let state = WantedState(
                findings: findings, changes: all.changes, cpus: configuration.cpus,
                hash: { hashes.hash(ofModel: $0, inFolder: $1, isLater: isLater) }, previous: previous)
            return (findings, state.deployments())
        }
        self.findings = findings
        asked = all.changes
        let faults = findings.allFaults.map(\.description)
        for fault in faults { report(fault, fault) }
        reported.formIntersection(faults + all.unreadable)
        announce(deployments, retry: retry)
        return faults
    }

    private func announce(_ deployments: [WantedDeployment], retry: Retry) {
        let next = Dictionary(uniqueKeysWithValues: deployments.map { ($0.name, $0) })
        for (name, new) in next.sorted(by: { $0.key < $1.key }) where wanted[name] != new {
            let isSound = new.fault == nil && new.warnings.isEmpty
            events.record(
                .configuration, new.difference(from: wanted[name]), deployment: name,
                severity: isSound ? .info : .warning)
        }
        for name in wanted.keys.sorted() where next[name] == nil {
            events.record(.configuration, "no longer wanted", deployment: name)
        }
        wanted = next
        tell(deployments) { retry.includes($0) }
    }

    /// Records a fault once, for as long as it lasts.
    private func report(_ key: String, _ message: String) {
        guard reported.insert(key).inserted else { return }
        events.record(.configuration, message, severity: .warning)
    }

    // MARK: - Changes by operators

    /// Gives a deployment a configuration, or makes a new one.
    ///
    /// - Parameters:
    ///   - name: The deployment.
    ///   - yaml: In the form of `model.yaml`, with `path` if the model isn't in a repository.
    /// - Throws: ``ControlError``.
    package func put(_ name: String, yaml: String) async throws(ControlError) {
        let found = findings.folders[name] != nil || findings.deployments.contains { $0.configuration.name == name }
        let refusal: String? = await Thread.run(name: "repository") {
            do throws(ConfigurationErrors) {
                let configuration = try DeploymentConfiguration(yaml: yaml, file: "configuration", name: name)
                if let path = configuration.path {
                    let source = try ModelRepository.deployment(of: configuration, at: path)
                    return source.selected.isEmpty ? source.vacancy : nil
                }
                return found ? nil : "path: there is no model \"\(name)\" in a repository, so a path is needed"
            } catch {
                return error.description
            }
        }
        if let refusal { throw ControlError(.invalid, refusal) }
        try await changes.update(name) {
            $0.configuration = yaml
            $0.loaded = nil
            $0.isUnloaded = false
        }
        await look(retry: .only(name))
    }

    /// Takes back the configuration and the scale that operators gave.
    ///
    /// - Throws: ``ControlError`` with code `conflict` if there was none and its files are there.
    package func delete(_ name: String) async throws(ControlError) {
        guard wanted[name] != nil || asked[name] != nil else { throw notFound(name) }
        guard asked[name] != nil else {
            throw ControlError(
                .conflict,
                "\(name) is served because it is in a model repository, and no change was made to it; "
                    + "to end it, remove it there")
        }
        try await changes.update(name) { $0 = OperatorChange() }
        await look(retry: .only(name))
    }

    /// Says how many replicas there should be.
    ///
    /// - Throws: ``ControlError``.
    package func scale(_ name: String, _ request: ScaleRequest) async throws(ControlError) {
        guard let wanted = wanted[name] else { throw notFound(name) }
        guard wanted.configuration.remote.isEmpty else {
            throw ControlError(
                .invalid, "the replicas of \"\(name)\" are those under \"remote\" in its configuration: change that")
        }
        if case .pinned(let count) = request { try checkBound(count, "replicas") }
        if case .automatic(_, let max?) = request { try checkBound(max, "max") }
        if case .automatic(let min, let max) = request,
            let fault = wanted.configuration.scaling(min: min, max: max).faults.first
        {
            throw ControlError(.invalid, "\(fault.key): \(fault.message)")
        }
        try await changes.update(name) {
            switch request {
            case .pinned(let count): $0.scale = .pinned(count)
            case .automatic(let min, let max): $0.scale = .automatic(min: min, max: max)
            case .configured: $0.scale = nil
            }
        }
        await look()
    }

    /// Each replica has a thread: thousands of them would only fight for the CPUs, and in the end for the process.
    private func checkBound(_ count: Int, _ field: String) throws(ControlError) {
        let bound = max(64, 16 * configuration.cpus)
        guard count > bound else { return }
        throw ControlError(
            .invalid, "\(field): expected at most \(bound) on a machine with \(configuration.cpus) CPUs, got \(count)")
    }

    /// Takes a deployment out of service although its files stay, or puts it back as its files and operators say.
    ///
    /// - Throws: ``ControlError``.
    package func setLoaded(_ name: String, _ isLoaded: Bool) async throws(ControlError) {
        guard knows(name) else { throw notFound(name) }
        let isInRepository =
            findings.folders[name] != nil || findings.deployments.contains { $0.configuration.name == name }
        try await changes.update(name) {
            $0.isUnloaded = !isLoaded
            // What a client sent is all there is of a model that isn't in a repository.
            if isLoaded, isInRepository || $0.configuration != nil { $0.loaded = nil }
        }
        await look(retry: .only(name))
        await removeUnusedUploads()
    }

    /// Whether there is such a model, in service or not.
    func knows(_ name: String) -> Bool { wanted[name] != nil || unloadedNames.contains(name) }

    /// The names of models that are there but were taken out of service.
    package var unloadedNames: [String] {
        let found = findings.deployments.map(\.configuration.name)
        return asked.filter { $0.value.isUnloaded && ($0.value.given != nil || found.contains($0.key)) }
            .keys.sorted()
    }

    func notFound(_ name: String) -> ControlError {
        ControlError(.notFound, "deployment \"\(name)\" is not found")
    }
}
