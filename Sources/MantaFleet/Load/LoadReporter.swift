import MantaAutoscaler
package import MantaServing
package import MantaStore
package import MantaTime

/// Measures the load of this front's deployments and tells whoever leads, under the front's lease.
package final class LoadReporter: Sendable {
    /// How often the load is measured, and how often it is looked whether there is any to be measured.
    private static let (interval, restInterval) = (Duration.milliseconds(100), Duration.seconds(1))

    private let key: String
    private let catalog: ModelCatalog
    private let store: any Store
    private let keeper: LeaseKeeper
    private let time: any TimeSource

    /// Tells nothing yet.
    ///
    /// - Parameters:
    ///   - node: The id of this front.
    ///   - catalog: What it serves.
    ///   - store: Where the leader reads it.
    ///   - keeper: Whose lease it is there under: a front that is gone has no load.
    ///   - time: The clock.
    package init(
        node: String, catalog: ModelCatalog, store: any Store, keeper: LeaseKeeper,
        time: any TimeSource = MachineTime()
    ) {
        key = LoadRecord.prefix + node
        (self.catalog, self.store, self.keeper, self.time) = (catalog, store, keeper, time)
    }

    /// Measures and tells until the task is cancelled.
    package func run() async {
        var report = LoadReport()
        var lease: LeaseID?
        var samples: [String: LoadSample] = [:]
        while (try? await time.sleep(until: time.now + (samples.isEmpty ? Self.restInterval : Self.interval))) != nil {
            let pairs = catalog.all.compactMap { deployment in deployment.measureLoad().map { (deployment.name, $0) } }
            samples = Dictionary(pairs, uniquingKeysWith: { $1 })
            let present = keeper.lease?.id
            if present != lease { report.lost() }
            lease = present
            guard let lease, let record = report.measured(samples, at: time.now) else { continue }
            do throws(StoreError) {
                try await store.put(key, record.stored, lease: lease)
            } catch {
                report.lost()
            }
        }
    }
}
