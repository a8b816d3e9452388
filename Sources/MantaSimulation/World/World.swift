import Logging
import MantaFleet
import MantaStore
import MantaTime

/// All processes of a simulation and what is between them. Unchecked Sendable: see ``EventLoop``.
final class World: @unchecked Sendable {
    let loop = EventLoop.shared
    let auditor: Auditor
    let network: SimulatedNetwork
    let etcd: SimulatedEtcd
    let logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
    private(set) var fronts: [SimulatedFront] = []
    /// Those that were, too: their addresses refuse.
    private(set) var workers: [String: SimulatedWorker] = [:]
    private var disks: [SimulatedDisk] = []
    private var starts: [Int] = []
    private var nextWorker = 1

    init() {
        auditor = Auditor()
        network = SimulatedNetwork()
        etcd = SimulatedEtcd(auditor: auditor)
    }

    /// Those that run, or are stopped and will.
    var livingWorkers: [SimulatedWorker] {
        workers.values.filter { $0.process.state != .isDead }.sorted { $0.process.name < $1.process.name }
    }

    func say(_ what: String) { loop.chronicle.write(what, at: loop.now) }

    // MARK: - Processes

    /// Adds a front, or starts one again that is gone.
    func startFront(_ index: Int) {
        if index == fronts.count {
            disks.append(SimulatedDisk())
            starts.append(0)
        }
        starts[index] += 1
        let name = "front-\(index).\(starts[index])"
        say("\(name) starts")
        let front = SimulatedFront(name, disk: disks[index], in: self)
        if index == fronts.count { fronts.append(front) } else { fronts[index] = front }
    }

    var hasRestartedFront: Bool { starts.contains { $0 > 1 } }

    func killFront(_ index: Int) {
        say("\(fronts[index].process.name) is killed")
        fronts[index].kill()
    }

    @discardableResult
    func startWorker() -> SimulatedWorker {
        let digits = String(nextWorker + 10_000).dropFirst()
        let worker = SimulatedWorker("worker-\(digits)", in: self)
        nextWorker += 1
        say("\(worker.process.name) starts")
        workers[worker.process.name] = worker
        return worker
    }

    func kill(_ worker: SimulatedWorker) {
        say("\(worker.process.name) is killed")
        worker.kill()
    }

    /// Ends everything, so that nothing is left of it in the process.
    func end() {
        for front in fronts { front.kill() }
        for worker in workers.values.sorted(by: { $0.process.name < $1.process.name }) { worker.kill() }
        etcd.feed.close()
        loop.settle()
    }

    // MARK: - Addresses

    func worker(at address: String) -> SimulatedWorker? { workers[Self.host(of: address)] }

    func process(at address: String) -> SimulatedProcess? {
        let host = Self.host(of: address)
        return workers[host]?.process ?? fronts.first { $0.process.name == host }?.process
    }

    func objects(at address: String) -> [String] {
        let host = Self.host(of: address)
        return workers[host]?.host.objects ?? fronts.first { $0.process.name == host }?.objects ?? []
    }

    private static func host(of address: String) -> String {
        String(address.dropFirst("http://".count).prefix { $0 != ":" })
    }
}
