import ArgumentParser
import MantaConfig

/// What a node has for replicas: the arguments of all commands that host some.
struct HostingArguments: ParsableArguments {
    @Option(help: "CPUs for replicas. Default: those that the process may use. 0 on a front: it hosts none.")
    var cpus: Double?
    @Option(help: ArgumentHelp("Memory for replicas, in MiB. Without it, memory doesn't limit.", valueName: "mib"))
    var memory: Int?
    @Option(help: "GPUs for replicas. Default: 0.")
    var gpus: Double?
    @Option(
        help: ArgumentHelp("Anything else that replicas may need, and how much of it.", valueName: "name=amount"),
        transform: FleetArguments.pair)
    var resource: [(name: String, value: String)] = []
    @Option(
        help: ArgumentHelp("What deployments may ask of their nodes.", valueName: "name=value"),
        transform: FleetArguments.pair)
    var label: [(name: String, value: String)] = []
    @Option(
        help: ArgumentHelp(
            "How long its replicas have to be replaced elsewhere when it stops. Default: 30.", valueName: "s"))
    var drainTimeout: Double?

    func validate() throws {
        for (name, value) in resource where Double(value).map({ $0 < 0 || !$0.isFinite }) ?? true {
            throw ValidationError("--resource \(name)=\(value): expected an amount, 0 or more")
        }
        let numbers = [cpus, gpus, drainTimeout].compactMap(\.self)
        guard numbers.allSatisfy({ $0 >= 0 && $0.isFinite }), memory ?? 0 >= 0 else {
            throw ValidationError("--cpus, --memory, --gpus and --drain-timeout: expected 0 or more")
        }
    }

    /// The first of them that was given; `nil` for none.
    var firstGiven: String? {
        [
            ("--cpus", cpus != nil), ("--memory", memory != nil), ("--gpus", gpus != nil),
            ("--resource", !resource.isEmpty), ("--label", !label.isEmpty), ("--drain-timeout", drainTimeout != nil),
        ].first { $0.1 }?.0
    }

    /// What they say.
    var hosting: FleetConfiguration.Hosting {
        var hosting = FleetConfiguration.Hosting()
        hosting.cpus = cpus
        if let gpus { hosting.gpus = gpus }
        hosting.memory = memory.map { $0 << 20 }
        hosting.resources = Dictionary(resource.map { ($0.name, Double($0.value) ?? 0) }) { $1 }
        hosting.labels = Dictionary(label.map { ($0.name, $0.value) }) { $1 }
        if let drainTimeout { hosting.drainTimeout = .seconds(drainTimeout) }
        return hosting
    }
}
