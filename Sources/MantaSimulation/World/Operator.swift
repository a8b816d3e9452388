import MantaAutoscaler
import MantaFleet
import MantaServing
import MantaTime

/// Whoever says what is to be served, and changes it now and then. Unchecked Sendable: see ``EventLoop``.
final class Operator: @unchecked Sendable {
    private struct Wish {
        var version = 1
        /// Another file each time.
        var file = 1
        var isBroken = false
        /// How many replicas; `nil` as the load needs.
        var replicas: Int?
        var configuration: DeploymentConfiguration

        var scale: WantedDeployment.Scale {
            replicas.map { .pinned($0) } ?? .automatic(configuration.autoscaling ?? .init())
        }
    }

    private let world: World
    private var wishes: [String: Wish] = [:]
    /// When each was changed last.
    private(set) var changed: [String: Instant] = [:]
    /// Those that aren't wanted any more.
    private(set) var removed: Set<String> = []
    /// Versions that were good, by deployment.
    private(set) var goodVersions: [String: Set<Int>] = [:]

    /// Wants so many deployments with so many replicas each, or as many as the load needs.
    init(_ world: World, deployments: Int, replicas: ClosedRange<Int>, followsLoad: Bool = false) {
        self.world = world
        for index in 0..<deployments {
            add("model-\(index)", replicas: replicas)
            if followsLoad { followLoad("model-\(index)") }
        }
    }

    private func followLoad(_ name: String) {
        var scaling = AutoscalingConfiguration()
        scaling.minReplicas = random.number(0...1)
        scaling.maxReplicas = 4
        // Shorter than what clients rest.
        scaling.downscaleDelay = .seconds(10)
        // A replica answers hundreds of requests a second here: so that a few make a difference.
        scaling.targetOngoingRequests = 0.03
        wishes[name]?.configuration.autoscaling = scaling
        wishes[name]?.replicas = nil
    }

    private var random: Randomness {
        get { world.loop.random }
        set { world.loop.random = newValue }
    }

    private func add(_ name: String, replicas: ClosedRange<Int>) {
        var configuration = DeploymentConfiguration(name: name)
        configuration.isIdempotent = !random.happens(0.2)
        if random.happens(0.3) { configuration.batching.maxDelay = .milliseconds(random.number(1...5)) }
        wishes[name] = Wish(
            replicas: random.number(replicas), configuration: configuration)
        goodVersions[name, default: []].insert(1)
    }

    var names: [String] { wishes.keys.sorted() }

    func isIdempotent(_ name: String) -> Bool { wishes[name]?.configuration.isIdempotent ?? true }

    func replicas(of name: String) -> Int {
        wishes[name]?.replicas ?? world.auditor.store.deployments[name]?.replicas ?? 0
    }

    /// The version that is to serve in the end; `nil` if it can't.
    func version(of name: String) -> Int? { wishes[name].flatMap { $0.isBroken ? nil : $0.version } }

    /// What fronts are told.
    var wanted: [WantedDeployment] {
        wishes.sorted { $0.key < $1.key }.map { name, wish in
            let file = wish.isBroken ? SimulatedModel.brokenFile : "model.onnx"
            let path = "/models/\(name)/\(wish.version)/\(wish.file)/\(file)"
            return WantedDeployment(
                configuration: wish.configuration, source: .init(.file),
                versions: [VersionSpec(number: wish.version, path: path, hash: path)], scale: wish.scale)
        }
    }

    /// Tells a front, which takes a moment.
    func tell(_ front: SimulatedFront) {
        world.loop.after(random.duration(.milliseconds(10), .milliseconds(500))) { [self] in
            front.process.enter { [self] in front.leader.want(wanted) }
        }
    }

    private func tellAll() { for front in world.fronts { tell(front) } }

    /// Changes something.
    func change() {
        guard let name = random.one(of: names), var wish = wishes[name] else { return }
        switch random.number(0...9) {
        case 0...3:
            let count = random.number(1...4)
            wish.replicas = count
            world.say("operator: \(name) is to have \(count) replicas")
        case 4...6:
            wish.isBroken = false
            wish.file += 1
            if random.happens(0.7) { wish.version += 1 }
            goodVersions[name, default: []].insert(wish.version)
            world.say("operator: \(name) is to be version \(wish.version), file \(wish.file)")
        case 7...8:
            wish.isBroken = true
            wish.file += 1
            wish.version += 1
            world.say("operator: \(name) is to be version \(wish.version), which is broken")
        default:
            guard wishes.count > 1 else { return }
            wishes[name] = nil
            world.say("operator: \(name) is not wanted any more")
            changed[name] = world.loop.now
            removed.insert(name)
            return tellAll()
        }
        wishes[name] = wish
        changed[name] = world.loop.now
        tellAll()
    }
}
