import MantaStoreTestKit
import MantaTestKit
import MantaTime
import Testing

@testable import MantaStore

@Suite("A lease that is kept", .timeLimit(.minutes(1)))
struct LeaseKeeperTests {
    /// An embedded store that can be taken away, with a keeper beside it whose clock a test moves.
    private struct Subject {
        let time = ManualTime()
        let embedded: EmbeddedStore
        let store: FlakyStore
        let keeper: LeaseKeeper

        init() async throws {
            embedded = try await EmbeddedStore.open(path: nil)
            store = FlakyStore(embedded)
            keeper = LeaseKeeper(store: store, time: time)
        }

        /// The first lease that isn't `old`.
        func lease(after old: Lease? = nil) async throws -> Lease {
            for await case let lease? in keeper.leases where lease.id != old?.id { return lease }
            throw StoreError(.closed, "the keeper has ended")
        }

        /// Returns when the keeper waits to renew, or to try again.
        func isWaiting() async {
            await time.sleeperExists(until: time.now + .milliseconds(5_600))
        }

        func run(_ body: () async throws -> Void) async throws {
            let running = [Task { await embedded.run() }, Task { await keeper.run() }]
            do { try await body() } catch { Issue.record(error) }
            for task in running.reversed() {
                task.cancel()
                await task.value
            }
            await embedded.close()
        }
    }

    @Test("it lives on")
    func kept() async throws {
        let subject = try await Subject()
        try await subject.run {
            let lease = try await subject.lease()
            try await subject.store.put("a", [], lease: lease.id)

            for _ in 0..<10 {
                await subject.isWaiting()
                subject.time.advance(by: .milliseconds(5_600))
            }

            await subject.isWaiting()
            #expect(subject.store.renewals == 10)
            #expect(subject.keeper.lease == lease)
            #expect(try await subject.store.get("a")?.lease == lease.id)
        }
    }

    @Test("another takes its place when it is lost, and whoever has keys with it is told")
    func lost() async throws {
        let subject = try await Subject()
        try await subject.run {
            let first = try await subject.lease()
            await subject.isWaiting()
            try await subject.embedded.revoke(first.id)

            subject.time.advance(by: .milliseconds(5_600))

            let second = try await subject.lease(after: first)
            try await subject.store.put("a", [], lease: second.id)
            #expect(subject.keeper.lease == second)
        }
    }

    @Test(
        "it is held for lost when its time is over and the store is away; it or another is there when the store is back",
        arguments: [false, true])
    func away(hasEnded: Bool) async throws {
        let subject = try await Subject()
        try await subject.run {
            let first = try await subject.lease()
            await subject.isWaiting()
            subject.store.change { $0.isAway = true }

            let start = subject.time.now
            while subject.keeper.lease != nil {
                subject.time.advance(by: .milliseconds(100))
                await subject.isWaiting()
            }
            let passed = subject.time.now - start
            #expect(passed >= .seconds(15) && passed < .seconds(17))

            if hasEnded { try await subject.embedded.revoke(first.id) }
            subject.store.change { $0.isAway = false }
            while subject.keeper.lease == nil {
                subject.time.advance(by: .milliseconds(100))
                await Task.yield()
            }
            #expect((subject.keeper.lease == first) == !hasEnded)
        }
    }

    @Test("it ends with its keeper, and so do its keys")
    func stop() async throws {
        let time = ManualTime()
        let store = try await EmbeddedStore.open(path: nil, time: time)
        let keeper = LeaseKeeper(store: store, time: time)
        let running = Task { await keeper.run() }
        let told = Task {
            var leases: [Lease?] = []
            for await lease in keeper.leases {
                leases.append(lease)
                if let lease { try await store.put("a", [], lease: lease.id) }
            }
            return leases
        }
        while try await store.get("a") == nil { await Task.yield() }

        running.cancel()
        await running.value

        #expect(try await told.value.last == .some(nil))
        #expect(keeper.lease == nil)
        #expect(try await store.get("a") == nil)
        await store.close()
    }

    @Test("it lives on in etcd while nothing else gets to run")
    func busyPool() async throws {
        let etcd = try await EtcdProcess.start()
        let process = try await WriterProcess(["lease", etcd.endpoint])
        #expect(await process.end() == ["kept"])
    }

    @Test("a sleep on a thread of its own ends at its time, or when it is cancelled")
    func threadTime() async throws {
        let time = ThreadTime()
        let start = time.now
        try await time.sleep(until: start + .milliseconds(5))
        #expect(time.now >= start + .milliseconds(5))
        try await time.sleep(until: start)
        let long = Task { try await time.sleep(until: start + .seconds(3_600)) }
        long.cancel()
        await #expect(throws: CancellationError.self) { try await long.value }
    }
}
