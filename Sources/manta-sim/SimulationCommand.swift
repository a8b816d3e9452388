import ArgumentParser
import MantaSimulation

#if canImport(Glibc)
    import Glibc
#endif

/// `manta-sim`.
@main
struct SimulationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manta-sim", abstract: "Run the fleet's decisions in a simulated world where things go wrong.",
        discussion: """
            Each seed is a world of its own: fronts, workers, etcd and the network between them, with requests, changes by \
            operators and faults, under a time of its own. The same seed gives the same course of events on every machine.

              manta-sim --seeds 1000               a thousand worlds
              manta-sim --seed 42 --log            what happens in one

            Exit codes: 0 no rule was violated, 1 one was, 64 wrong arguments.
            """)

    @Option(help: "Run this seed, or begin with it.")
    var seed: UInt64 = 1
    @Option(help: "How many seeds to run.")
    var seeds = 1
    @Flag(help: "Tell all that happens.")
    var log = false
    @Flag(help: "Stop at the first seed that violates a rule.")
    var stop = false
    @Flag(help: "Run each seed twice, and compare.")
    var twice = false

    func run() throws {
        try Self.hashEquallyEachTime()
        var failed = 0
        for seed in seed..<seed + UInt64(seeds) {
            let report = Simulation.run(seed: seed, telling: log ? { print($0) } : nil)
            if twice, Simulation.run(seed: seed).digest != report.digest {
                failed += 1
                print("seed \(seed): another course of events the second time")
            }
            for violation in report.violations.prefix(3) { print("seed \(seed): \(violation)") }
            if !report.violations.isEmpty { failed += 1 }
            // Whoever reads along sees them at once, also through a pipe.
            fflush(nil)
            if stop, failed > 0 { break }
            if seeds == 1 {
                print(
                    "seed \(seed): \(report.answered) requests answered, \(report.failed) failed; "
                        + "digest \(String(report.digest, radix: 16))")
            }
        }
        print("\(seeds) seeds, \(failed) with violations")
        if failed > 0 { throw ExitCode.failure }
    }

    /// Starts this program again with the variable that has sets and dictionaries in the same order each time, unless it is
    /// set already: Swift's runtime reads it when a process starts.
    private static func hashEquallyEachTime() throws {
        let name = "SWIFT_DETERMINISTIC_HASHING"
        guard unsafe getenv(name) == nil else { return }
        unsafe setenv(name, "1", 1)
        var arguments = unsafe CommandLine.arguments.map { unsafe strdup($0) } + [nil]
        unsafe execv("/proc/self/exe", &arguments)
        throw ValidationError("the program can't be started again with \(name)=1")
    }
}
