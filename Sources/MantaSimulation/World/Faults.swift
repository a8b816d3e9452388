import MantaTime

/// What goes wrong in a world, by chance. All of it is over at an end. Unchecked Sendable: see ``EventLoop``.
final class Faults: @unchecked Sendable {
    private let world: World
    private let wishes: Operator
    private let end: Instant

    init(_ world: World, _ wishes: Operator, until end: Instant) {
        (self.world, self.wishes, self.end) = (world, wishes, end)
    }

    private var loop: EventLoop { world.loop }

    /// Has so many happen between now and the end.
    func plan(_ count: Int) {
        for _ in 0..<count {
            loop.after(loop.random.duration(.zero, end - loop.now)) { self.happen() }
        }
    }

    /// How long one lasts that begins now.
    private func length(_ least: Duration, _ most: Duration) -> Duration {
        min(loop.random.duration(least, most), end - loop.now)
    }

    private func happen() {
        let workers = world.livingWorkers.filter { $0.process.state == .runs && !$0.isDraining }
        guard let worker = loop.random.one(of: workers) else { return }
        let front = loop.random.number(0...world.fronts.count - 1)
        switch loop.random.number(0...12) {
        case 0, 1: killWorker(worker)
        case 2: loseMachine(of: worker)
        case 3: stop(worker)
        case 4: drain(worker)
        case 5: slow(worker)
        case 6: restartFront(front)
        case 7: cut(world.fronts[front].process, worker.process)
        case 8: cutFromEtcd(loop.random.happens(0.5) ? worker.process : world.fronts[front].process)
        case 9: etcdGoesAway()
        case 10: etcdElects()
        case 11: loseWatches(front, worker)
        default: world.startWorker()
        }
    }

    private func trouble(_ what: String, _ names: [String], _ length: Duration) {
        world.say("fault: \(what), for \(Int(length.milliseconds)) ms")
        world.auditor.trouble(
            .init(what: what, processes: Set(names), start: loop.now, end: loop.now + length),
            healthy: world.healthyHosts(without: Set(names)))
    }

    /// kill -9. Another is started in its place.
    private func killWorker(_ worker: SimulatedWorker) {
        let length = length(.milliseconds(100), .seconds(15))
        trouble("\(worker.process.name) is killed", [worker.process.name], length)
        world.kill(worker)
        loop.after(length) { [world] in world.startWorker() }
    }

    /// Nothing says that the process is gone.
    private func loseMachine(of worker: SimulatedWorker) {
        let length = length(.milliseconds(100), .seconds(15))
        trouble("the machine of \(worker.process.name) is lost", [worker.process.name], length)
        for front in world.fronts { world.network.cut(front.process.name, worker.process.name) }
        for other in world.livingWorkers { world.network.cut(other.process.name, worker.process.name) }
        world.kill(worker)
        loop.after(length) { [world] in world.startWorker() }
    }

    /// SIGSTOP and SIGCONT.
    private func stop(_ worker: SimulatedWorker) {
        let length = length(.milliseconds(50), .seconds(20))
        trouble("\(worker.process.name) is stopped", [worker.process.name], length)
        worker.process.stop()
        loop.after(length) { worker.process.resume() }
    }

    private func drain(_ worker: SimulatedWorker) {
        trouble("\(worker.process.name) drains", [worker.process.name], length(.seconds(5), .seconds(30)))
        world.startWorker()
        worker.drain { [world] in world.kill(worker) }
    }

    private func slow(_ worker: SimulatedWorker) {
        let length = length(.seconds(1), .seconds(15))
        trouble("\(worker.process.name) is slow", [worker.process.name], length)
        worker.host.slowness = Double(loop.random.number(2...20))
        loop.after(length) { worker.host.slowness = 1 }
    }

    private func restartFront(_ index: Int) {
        guard world.fronts[index].process.state == .runs else { return }
        let length = length(.milliseconds(100), .seconds(8))
        trouble("front \(index) is killed", [world.fronts[index].process.name], length)
        world.killFront(index)
        loop.after(length) { [world, wishes] in
            world.startFront(index)
            wishes.tell(world.fronts[index])
        }
    }

    private func cut(_ one: SimulatedProcess, _ other: SimulatedProcess) {
        let length = length(.milliseconds(50), .seconds(20))
        trouble("the link of \(one.name) and \(other.name) is cut", [other.name], length)
        world.network.cut(one.name, other.name)
        loop.after(length) { [world] in world.network.mend(one.name, other.name) }
    }

    private func cutFromEtcd(_ process: SimulatedProcess) {
        let length = length(.milliseconds(100), .seconds(25))
        trouble("\(process.name) doesn't reach etcd", [], length)
        world.network.cut(process.name, SimulatedEtcd.name)
        loop.after(length) { [world] in world.network.mend(process.name, SimulatedEtcd.name) }
    }

    private func etcdGoesAway() {
        guard world.etcd.state == .answers else { return }
        let length = length(.milliseconds(100), .seconds(25))
        trouble("etcd is away", [], length)
        world.etcd.goAway()
        loop.after(length) { [world] in world.etcd.comeBack() }
    }

    private func etcdElects() {
        guard world.etcd.state == .answers else { return }
        let length = length(.milliseconds(100), .seconds(4))
        trouble("etcd elects a leader", [], length)
        world.etcd.elect()
        loop.after(length) { [world] in world.etcd.comeBack() }
    }

    private func loseWatches(_ front: Int, _ worker: SimulatedWorker) {
        let length = length(.seconds(1), .seconds(20))
        let isFront = loop.random.happens(0.5)
        let name = isFront ? world.fronts[front].process.name : worker.process.name
        trouble("\(name) is told nothing by its watches", [], length)
        (isFront ? world.fronts[front].store : worker.store).loseWatches(for: length)
    }
}

extension World {
    /// How many workers without any trouble have a replica ready, by group.
    func healthyHosts(without names: Set<String>) -> [String: Int] {
        var counts: [String: Int] = [:]
        for worker in livingWorkers
        where worker.process.state == .runs && !worker.isDraining && !names.contains(worker.process.name) {
            for group in worker.host.readyCounts.keys { counts[group, default: 0] += 1 }
        }
        return counts
    }
}
