package import MantaController
import MantaCore
package import MantaFleet
package import MantaGateway
import MantaServing
package import MantaTelemetry
import FoundationEssentials
package import MantaTime

/// What the routes for operators work with.
package struct AdminContext: Sendable {
    /// Where changes are kept.
    package enum StoreKind: Sendable {
        /// Until the process ends.
        case memory
        /// In this file.
        case file(String)
        /// In the fleet's etcd.
        case etcd
    }

    /// What inference works with.
    package var plane: DataPlane
    /// What changes them.
    package var controller: Controller
    /// What happened.
    package var events: EventLog
    /// What is counted.
    package var registry: PrometheusRegistry
    /// CPUs that the process may use.
    package var cpus: Int
    /// Where changes are kept.
    package var store: StoreKind
    /// What is known of the fleet that the process is a front of; `nil` if it isn't.
    package var fleet: @Sendable () -> FleetView?
    /// Reads files again that aren't models: certificates, credentials. Gives what is wrong with them.
    package var reload: @Sendable () async -> [String]
    /// The clock.
    package var time: any TimeSource
    private let origin: WallClock.Origin

    package init(
        plane: DataPlane, controller: Controller, events: EventLog, registry: PrometheusRegistry, cpus: Int,
        store: StoreKind, time: any TimeSource = MachineTime(), fleet: @escaping @Sendable () -> FleetView? = { nil },
        reload: @escaping @Sendable () async -> [String]
    ) {
        self.plane = plane
        self.controller = controller
        self.events = events
        self.registry = registry
        self.cpus = cpus
        self.store = store
        self.time = time
        self.fleet = fleet
        self.reload = reload
        origin = WallClock.Origin(instant: time.now)
    }

    /// The deployments.
    var catalog: ModelCatalog { plane.catalog }

    var clock: WallClock { WallClock(origin: origin, now: time.now) }

    /// Reads every file again that may have changed.
    ///
    /// - Returns: What is wrong.
    @discardableResult
    package func reloadEverything() async -> [String] {
        let faults = await reload() + controller.look(retry: .all)
        events.record(
            .server,
            faults.isEmpty ? "files were read again" : "files were read again: \(faults.joined(separator: "; "))",
            severity: faults.isEmpty ? .info : .warning)
        return faults
    }

    var isDurable: Bool {
        switch store {
        case .memory: false
        case .file, .etcd: true
        }
    }
}

extension AdminContext {
    var nodeDocument: NodeDocument {
        let process = Dictionary(ProcessSamples.read().map { ($0.name, $0.value) }) { first, _ in first }
        let lanes = catalog.all.reduce(0) { $0 + $1.snapshot.threadCount }
        return NodeDocument(
            cpus: cpus, lanes: lanes, residentBytes: Int(process["process_resident_memory_bytes"] ?? 0),
            openFiles: Int(process["process_open_fds"] ?? 0), cpuSeconds: process["process_cpu_seconds_total"] ?? 0)
    }

    var fleetDocument: FleetDocument? { fleet().map { FleetDocument($0, clock: clock) } }

    var serverDocument: ServerDocument {
        let (clock, unreadiness) = (clock, catalog.unreadiness)
        let store =
            switch store {
            case .memory: ServerDocument.Store(kind: "memory", path: nil, durable: false)
            case .etcd: ServerDocument.Store(kind: "etcd", path: nil, durable: true)
            case .file(let path): ServerDocument.Store(kind: "sqlite", path: path, durable: true)
            }
        let snapshots = catalog.all.map(\.snapshot)
        return ServerDocument(
            version: plane.version, startedAt: origin.timestamp, uptimeS: clock.age(of: origin.instant),
            ready: unreadiness == nil, reason: unreadiness, node: nodeDocument, fleet: fleetDocument, store: store,
            deployments: snapshots.map {
                .init(name: $0.wanted.name, state: $0.state.rawValue, reason: $0.reason)
            },
            warnings: snapshots.flatMap { snapshot in snapshot.wanted.warnings.map { "\(snapshot.wanted.name): \($0)" }
            })
    }
}
