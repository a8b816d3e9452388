import FoundationEssentials
import Glibc
import MantaEtcd
import MantaStore

/// A process of its own around a store, for tests that kill it, lock it out or take its disk away.
///
/// `store-writer put FILE`: puts ever larger numbers and tells each once it is acknowledged.
/// `store-writer hold FILE`: has the store open until its input ends.
/// `store-writer fill FILE BYTES`: puts until files may not grow beyond so many bytes, then lets them grow again.
/// `store-writer lease ENDPOINT`: keeps a lease of 2 s in etcd while nothing else gets to run for 5 s.
@main
enum StoreWriter {
    static func main() async {
        do {
            let arguments = CommandLine.arguments
            if arguments[1] == "lease" { return try await keepLease(EtcdSettings(endpoints: [arguments[2]])) }
            let store = try await EmbeddedStore.open(path: arguments[2])
            switch arguments[1] {
            case "put": try await put(store)
            case "hold": hold()
            case "fill": try await fill(store, upTo: rlim_t(arguments[3]) ?? 0)
            default: fatalError("unknown command \(arguments[1])")
            }
            await store.close()
        } catch {
            tell("error: \(error)")
        }
    }

    private static func put(_ store: EmbeddedStore) async throws {
        var number = try await store.get("number").flatMap { Int(String(decoding: $0.value, as: UTF8.self)) } ?? 0
        tell("open")
        while true {
            number += 1
            try await store.put("number", Array("\(number)".utf8))
            tell("\(number)")
        }
    }

    private static func hold() {
        tell("open")
        while readLine() != nil {}
    }

    private static func fill(_ store: EmbeddedStore, upTo bytes: rlim_t) async throws {
        // Writes beyond the limit fail then, as on a full disk, and don't end the process.
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: bytes, rlim_max: .max)
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        var number = 0
        do {
            while true {
                try await store.put("key \(number)", [UInt8](repeating: 7, count: 10_000))
                number += 1
            }
        } catch {
            tell("\(number) \(error.code)")
        }
        tell("\(try await store.list(prefix: "").entries.count)")
        limit.rlim_cur = .max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        try await store.put("key \(number)", [1])
        tell("works again")
    }

    private static func keepLease(_ settings: EtcdSettings) async throws {
        let store = try EtcdStore(settings)
        let keeper = LeaseKeeper(store: store, timeToLive: .seconds(2))
        let keeping = Task { await keeper.run() }
        for await case let lease? in keeper.leases {
            let revision = try await store.put("key", [], lease: lease.id)
            await withTaskGroup(of: Void.self) { group in
                // More than run at once, each for longer than the lease lives.
                for _ in 0..<2 * sysconf(Int32(_SC_NPROCESSORS_ONLN)) { group.addTask { compute() } }
            }
            tell(try await store.get("key")?.modified == revision ? "kept" : "lost")
            break
        }
        keeping.cancel()
        await keeping.value
        await store.close()
    }

    /// Has its thread for 2.5 s, other processes first.
    private static func compute() {
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
        let end = ContinuousClock.now + .milliseconds(2_500)
        while ContinuousClock.now < end {}
    }

    /// Writes a line at once: what was told must not wait in a buffer of a process that is killed.
    private static func tell(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
