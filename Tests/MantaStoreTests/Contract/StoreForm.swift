import MantaTestKit
import MantaTime
import Testing

@testable import MantaEtcd
@testable import MantaStore

/// A form of store, for the tests that all of them pass.
struct StoreForm: Sendable, CustomTestStringConvertible {
    /// A store of some form with the means to bring about what its users can't.
    struct Subject: Sendable {
        let store: any Store
        /// The clock of its leases.
        let time: any TimeSource
        /// How long leases shall live in tests.
        let leaseTime: Duration
        /// Returns when leases that live for so long, and weren't kept alive, are about to end.
        let letTimePass: @Sendable (Duration) async throws -> Void
        /// Makes the store forget all commits so far, but for the last.
        let forget: @Sendable () async throws -> Void
        /// Returns when so many watchers wait.
        let watchersWait: @Sendable (Int) async -> Void
        /// Ends the store.
        let close: @Sendable () async -> Void
    }

    /// A store that was opened.
    struct Opened: Sendable {
        let subject: Subject
        /// What has to run beside it.
        var run: @Sendable () async -> Void = {}
        /// Gives back what the test no longer needs.
        var release: @Sendable () async throws -> Void = {}
    }

    let testDescription: String
    let open: @Sendable () async throws -> Opened

    /// Every form there is.
    static let all: [StoreForm] = [
        StoreForm(testDescription: "in memory") { try await embedded(path: nil) },
        StoreForm(testDescription: "in a file") {
            let folder = try TemporaryFolder()
            return try await embedded(path: folder.path + "/store.db", folder: folder)
        },
        inEtcd,
    ]

    /// In an etcd that no other test uses meanwhile.
    static let inEtcd = StoreForm(testDescription: "in etcd") { try await etcd() }

    /// Does `body` with an empty store of this form that runs.
    func run(_ body: (Subject) async throws -> Void) async throws {
        let opened = try await open()
        let running = Task { await opened.run() }
        do {
            try await body(opened.subject)
        } catch {
            Issue.record(error)
        }
        running.cancel()
        await running.value
        await opened.subject.close()
        try await opened.release()
    }

    private static func embedded(
        path: String?, folder: TemporaryFolder? = nil
    ) async throws -> Opened {
        let time = ManualTime()
        let history = 50
        let store = try await EmbeddedStore.open(path: path, history: .init(commits: history), time: time)
        let subject = Subject(
            store: store,
            time: time,
            leaseTime: .seconds(10),
            letTimePass: { time.advance(by: $0) },
            forget: { for _ in 0..<history { try await store.put("forget", []) } },
            watchersWait: { while store.waiterCount != $0 { await Task.yield() } },
            close: {
                await store.close()
                withExtendedLifetime(folder) {}
            })
        return Opened(subject: subject, run: { await store.run() })
    }

    private static func etcd() async throws -> Opened {
        let process = try await EtcdPool.shared.take()
        var settings = process.settings
        // So that lists are read page by page too.
        settings.pageSize = 7
        let store = try EtcdStore(settings)
        let subject = Subject(
            store: store,
            time: MachineTime(),
            leaseTime: .seconds(3),
            letTimePass: { try await Task.sleep(for: $0) },
            forget: {
                try await store.put("forget", [])
                try await process.compact()
            },
            watchersWait: { while store.waiterCount != $0 { try? await Task.sleep(for: .milliseconds(1)) } },
            close: { await store.close() })
        return Opened(subject: subject) {
        } release: {
            try await process.revokeLeases()
            await EtcdPool.shared.giveBack(process)
        }
    }
}

extension Store {
    /// The next commits after `revision`.
    func commits(_ count: Int, prefix: String = "", after revision: Int64) async throws -> [Commit] {
        var commits: [Commit] = []
        guard count > 0 else { return [] }
        for try await commit in watch(prefix: prefix, after: revision) {
            commits.append(commit)
            if commits.count == count { break }
        }
        return commits
    }

    /// The store's revision.
    var revision: Int64 { get async throws { try await list(prefix: "").revision } }
}

/// Expects that `body` fails with a ``StoreError`` of this code, whose message has `text` in it.
func expectError(
    _ code: StoreError.Code, _ text: String = "", location: SourceLocation = #_sourceLocation,
    _ body: () async throws -> some Any
) async {
    do {
        _ = try await body()
        Issue.record("expected an error of code \(code), got none", sourceLocation: location)
    } catch {
        let error = error as? StoreError
        #expect(error?.code == code, "\(error?.message ?? "")", sourceLocation: location)
        let message = error?.message ?? ""
        if !text.isEmpty { #expect(message.contains(text), sourceLocation: location) }
    }
}
