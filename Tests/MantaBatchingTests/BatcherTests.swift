import MantaBatching
import MantaCore
import MantaTestKit
import MantaTime
import Synchronization
import Testing

@Suite("Batcher", .timeLimit(.minutes(1)))
struct BatcherTests {
    private func request(_ id: UInt64, at now: Instant) -> QueuedRequest<UInt64> {
        QueuedRequest(
            id: id, key: BatchKey(inputs: [], outputs: [0]), rows: 1, byteCount: 1, arrived: now,
            deadline: now + .seconds(1), payload: id)
    }

    @Test("hands a waiting request to the replica that asks")
    func handsOut() async {
        let time = ManualTime()
        let batcher = Batcher<UInt64>(limits: .init(), time: time) { _ in }

        #expect(batcher.submit(request(1, at: time.now)) == .accepted)
        let batch = await batcher.next(for: 0)

        #expect(batch?.map(\.id) == [1])
    }

    @Test("answers a request at its deadline although every replica is busy")
    func expiresOnTime() async {
        let time = ManualTime()
        let (expired, expire) = AsyncStream.makeStream(of: UInt64.self)
        let batcher = Batcher<UInt64>(limits: .init(), time: time) { expire.yield($0.id) }
        let deadline = time.now + .seconds(1)
        _ = batcher.submit(request(7, at: time.now))

        await time.sleeperExists(until: deadline)
        time.advance(by: .seconds(1))

        var answers = expired.makeAsyncIterator()
        #expect(await answers.next() == 7)
        #expect(batcher.count == 0)
    }

    @Test("a batch that isn't full starts when the delay is over")
    func delayEnds() async {
        let time = ManualTime()
        let batcher = Batcher<UInt64>(limits: BatchLimits(delay: .milliseconds(5)), time: time) { _ in }
        _ = batcher.submit(request(1, at: time.now))
        async let batch = batcher.next(for: 0)

        await time.sleeperExists(until: time.now + .milliseconds(5))
        time.advance(by: .milliseconds(5))

        #expect(await batch?.map(\.id) == [1])
    }

    @Test("after closing it refuses new work, hands out what waits, then ends the replicas")
    func closes() async {
        let time = ManualTime()
        let batcher = Batcher<UInt64>(limits: .init(), time: time) { _ in }
        _ = batcher.submit(request(1, at: time.now))

        batcher.close()

        #expect(batcher.submit(request(2, at: time.now)) == nil)
        #expect(await batcher.next(for: 0)?.map(\.id) == [1])
        #expect(await batcher.next(for: 0) == nil)
    }

    @Test("a retired replica ends while the others go on")
    func retires() async {
        let time = ManualTime()
        let batcher = Batcher<UInt64>(limits: .init(), time: time) { _ in }

        batcher.retire(3)
        #expect(await batcher.next(for: 3) == nil)

        _ = batcher.submit(request(1, at: time.now))
        #expect(await batcher.next(for: 4)?.map(\.id) == [1])
    }

    @Test("a replica that is lent is handed nothing, and what waits once it is given back")
    func lends() async {
        let time = ManualTime()
        let batcher = Batcher<UInt64>(limits: .init(), time: time) { _ in }
        async let batch = batcher.next(for: 3)
        while batcher.borrow(oneOf: [2, 3]) != 3 { await Task.yield() }

        #expect(batcher.borrow(oneOf: [2, 3]) == nil)
        _ = batcher.submit(request(1, at: time.now))
        #expect(batcher.count == 1)
        batcher.giveBack(3)

        #expect(await batch?.map(\.id) == [1])
    }

    @Test(
        "a replica that is lent ends when it is given back, if it was retired or the queue is closed",
        arguments: [0, 1])
    func lentReplicaEnds(how: Int) async {
        let time = ManualTime()
        let batcher = Batcher<UInt64>(limits: .init(), time: time) { _ in }
        async let batch = batcher.next(for: 3)
        while batcher.borrow(oneOf: [3]) == nil { await Task.yield() }

        if how == 0 { batcher.retire(3) } else { batcher.close() }
        // Nothing else may have it, nor may it have ended: both would resume it twice.
        #expect(batcher.borrow(oneOf: [3]) == nil)
        batcher.giveBack(3)

        #expect(await batch == nil)
    }

    /// Eight tasks of a thousand requests each.
    private func send(to batcher: Batcher<UInt64>, at now: Instant) async {
        await withDiscardingTaskGroup { senders in
            for sender in 0..<8 as Range<UInt64> {
                senders.addTask {
                    for index in 0..<1000 as Range<UInt64> {
                        #expect(batcher.submit(request(sender * 1000 + index, at: now)) == .accepted)
                    }
                }
            }
        }
    }

    /// How often each request ran.
    private final class Tally: Sendable {
        let counts = Mutex<[UInt64: Int]>([:])
    }

    @Test("thousands of requests from many tasks each run exactly once")
    func manyTasks() async {
        // Time stands still, so that no deadline passes however long the machine takes.
        let time = ManualTime()
        let batcher = Batcher<UInt64>(limits: BatchLimits(requests: 100_000, rows: 16), time: time) { _ in }
        let ran = Tally()

        await withDiscardingTaskGroup { group in
            for replica in 0..<4 {
                group.addTask {
                    while let batch = await batcher.next(for: replica) {
                        ran.counts.withLock { for request in batch { $0[request.id, default: 0] += 1 } }
                        batcher.finished(rows: batch.count, time: .microseconds(50))
                    }
                }
            }
            await send(to: batcher, at: time.now)
            batcher.close()
        }

        #expect(ran.counts.withLock { $0.count } == 8000)
        #expect(ran.counts.withLock { $0.values.allSatisfy { $0 == 1 } })
    }
}
