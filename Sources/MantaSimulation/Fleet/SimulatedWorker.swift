import Logging
import MantaFleet
import MantaRuntime
import MantaStore
import MantaTime

/// A worker of the world: the shipped one, but for what it hosts. Unchecked Sendable: see ``EventLoop``.
final class SimulatedWorker: @unchecked Sendable {
    let process: SimulatedProcess
    let store: SimulatedStore
    let host: SimulatedHost
    private let node: WorkerNode
    private(set) var isDraining = false

    init(_ name: String, in world: World) {
        process = SimulatedProcess(name: name)
        store = SimulatedStore(process, etcd: world.etcd, network: world.network)
        host = SimulatedHost(process, in: world)
        let keeper = LeaseKeeper(store: store, timeToLive: .seconds(10), time: process)
        var record = NodeRecord(id: name, kind: .worker, capacity: .init(Resources(cpus: Amount(8))))
        record.address = process.address
        let registration = NodeRegistration(record, store: store, keeper: keeper, time: process)
        let node = WorkerNode(
            store: store, registration: registration, host: host, logger: world.logger, time: process)
        self.node = node
        process.start {
            await withDiscardingTaskGroup { group in
                group.addTask { await registration.run() }
                group.addTask { await node.run() }
                await keeper.run()
                group.cancelAll()
            }
        }
    }

    /// SIGTERM. It ends once its replicas are replaced, and then tells by `ended`.
    func drain(ended: @escaping @Sendable () -> Void) {
        guard !isDraining else { return }
        isDraining = true
        Task { [node] in
            await node.drain(within: .seconds(30))
            ended()
        }
    }

    /// SIGKILL.
    func kill() {
        process.kill()
        host.die()
    }
}
