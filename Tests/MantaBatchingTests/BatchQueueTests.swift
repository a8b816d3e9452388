import MantaBatching
import MantaCore
import MantaTime
import Testing

@Suite("Batch queue")
struct BatchQueueTests {
    let start = Instant.now

    private func request(
        _ id: UInt64, rows: Int = 1, priority: UInt32 = 0, key: Int = 0, bytes: Int = 8,
        timeout: Duration = .seconds(10), arrived: Duration = .zero
    ) -> QueuedRequest<String> {
        QueuedRequest(
            id: id, key: BatchKey(inputs: [], outputs: [key]), rows: rows, byteCount: bytes, priority: priority,
            arrived: start + arrived, deadline: start + arrived + timeout, payload: "r\(id)")
    }

    /// What a replica that asks for work is given.
    private func take(
        _ replica: Int, from queue: inout BatchQueue<String>, after elapsed: Duration = .zero
    ) -> [UInt64]? {
        queue.offer(replica: replica, at: start + elapsed).batches.first?.requests.map(\.id)
    }

    /// Whether a request gets in.
    private func admit(_ request: QueuedRequest<String>, to queue: inout BatchQueue<String>)
        -> BatchQueue<String>.Admission
    {
        queue.admit(request, at: start).0
    }

    @Test("an idle replica takes a lone request at once")
    func idleReplicaTakesAtOnce() {
        var queue = BatchQueue<String>()
        #expect(take(1, from: &queue) == nil)

        let (admission, decision) = queue.admit(request(1), at: start)

        #expect(admission == .accepted)
        #expect(decision.batches.map(\.replica) == [1])
        #expect(decision.batches.first?.requests.map(\.id) == [1])
        #expect(queue.count == 0)
    }

    @Test("of several idle replicas one of this process takes a request first, and one that is busy in truth last")
    func ranks() {
        var queue = BatchQueue<String>()
        // The last of its rank is the one that was busy last.
        let offers: [(Int, TakerRank)] = [
            (1, .here), (2, .spare), (3, .elsewhere), (4, .here), (5, .spare), (6, .elsewhere),
        ]
        for (replica, rank) in offers { _ = queue.offer(replica: replica, as: rank, at: start) }
        let isWithdrawn = queue.withdraw(replica: 6)
        #expect(isWithdrawn)

        let takers = (1...5).compactMap { queue.admit(request($0), at: start).1.batches.first?.replica }

        #expect(takers == [4, 1, 3, 5, 2])
    }

    @Test("what waits while replicas are busy becomes the next batch, up to its rows")
    func waitingRequestsBecomeTheNextBatch() {
        var queue = BatchQueue<String>(limits: BatchLimits(rows: 4))
        for id in 1...6 { _ = queue.admit(request(UInt64(id), rows: id == 3 ? 2 : 1), at: start) }

        #expect(take(1, from: &queue) == [1, 2, 3])
        #expect(take(2, from: &queue) == [4, 5, 6])
    }

    @Test(
        "a replica leaves the others their part of what waits and runs, unless larger batches cost less by the row",
        arguments: [(10, [3, 4, 5, 6]), (2, [3, 4, 5, 6, 7, 8])])
    func share(millisecondsOfRow: Int, first: [UInt64]) {
        var queue = BatchQueue<String>(limits: BatchLimits(rows: 8))
        queue.pace = BatchPace(replicas: 2, times: [1, 2, 4, 8].map { .milliseconds(2 + millisecondsOfRow * $0) })
        for replica in [1, 2] { _ = queue.offer(replica: replica, at: start) }
        for id in 1...8 { _ = queue.admit(request(UInt64(id)), at: start) }

        #expect(take(1, from: &queue) == first)
        #expect(take(2, from: &queue) == (first.count == 4 ? [7, 8] : nil))
    }

    @Test("a replica that begins late fills its batch up to its part")
    func fillsUpToItsShare() {
        var queue = BatchQueue<String>(limits: BatchLimits(rows: 8))
        queue.pace = BatchPace(replicas: 2, times: [1, 2, 4, 8].map { .milliseconds(10 * $0) })
        for replica in [1, 2] { _ = queue.offer(replica: replica, at: start) }
        var batch = queue.admit(request(1), at: start).1.batches[0].requests
        for id in 2...8 { _ = queue.admit(request(UInt64(id)), at: start) }

        _ = queue.fill(&batch, for: 2, at: start)

        #expect(batch.map(\.id) == [1, 3, 4, 5])
        #expect(take(1, from: &queue) == [6, 7, 8])
    }

    @Test("a request of more rows than a batch may have runs alone")
    func largeRequestRunsAlone() {
        var queue = BatchQueue<String>(limits: BatchLimits(rows: 4))
        _ = queue.admit(request(1, rows: 9), at: start)
        _ = queue.admit(request(2), at: start)

        #expect(take(1, from: &queue) == [1])
    }

    @Test("priority goes first, then the earlier deadline, then arrival")
    func order() {
        var queue = BatchQueue<String>(limits: BatchLimits(rows: 1))
        _ = queue.admit(request(1), at: start)
        _ = queue.admit(request(2, timeout: .seconds(1)), at: start)
        _ = queue.admit(request(3, priority: 2), at: start)
        _ = queue.admit(request(4, priority: 1), at: start)
        _ = queue.admit(request(5), at: start)

        let order = (1...5).flatMap { queue.offer(replica: $0, at: start).batches.flatMap { $0.requests.map(\.id) } }

        #expect(order == [4, 3, 2, 1, 5])
    }

    @Test("requests of different keys never share a batch, and the most urgent key goes first")
    func keysStayApart() {
        var queue = BatchQueue<String>()
        _ = queue.admit(request(1, key: 1), at: start)
        _ = queue.admit(request(2, key: 2), at: start)
        _ = queue.admit(request(3, key: 1), at: start)

        #expect(take(1, from: &queue) == [1, 3])
        #expect(take(2, from: &queue) == [2])
    }

    @Test("a full queue refuses, and has room again when a replica has taken a batch")
    func fullQueueRefuses() {
        var queue = BatchQueue<String>(limits: BatchLimits(requests: 2, rows: 1))
        #expect(admit(request(1), to: &queue) == .accepted)
        #expect(admit(request(2), to: &queue) == .accepted)
        #expect(admit(request(3), to: &queue) == .tooManyRequests)

        _ = queue.offer(replica: 1, at: start)

        #expect(admit(request(4), to: &queue) == .accepted)
    }

    @Test("the memory of waiting inputs is bounded, but one request alone always gets in")
    func bytesAreBounded() {
        var queue = BatchQueue<String>(limits: BatchLimits(bytes: 100))

        #expect(admit(request(1, bytes: 1000), to: &queue) == .accepted)
        #expect(admit(request(2, bytes: 1), to: &queue) == .tooManyBytes)
    }

    @Test("parts of one request get in together or not at all")
    func partsGetInTogether() {
        var queue = BatchQueue<String>(limits: BatchLimits(requests: 2, rows: 1))
        _ = queue.admit(request(1), at: start)

        let (admission, _) = queue.admit(parts: [request(2), request(3)], at: start)

        #expect(admission == .tooManyRequests)
        #expect(queue.count == 1)
    }

    @Test("with a delay, an idle replica waits for a fuller batch", arguments: [1, 5, 50])
    func delayWaitsForAFullerBatch(milliseconds: Int) {
        let delay = Duration.milliseconds(milliseconds)
        var queue = BatchQueue<String>(limits: BatchLimits(rows: 8, delay: delay))
        _ = queue.offer(replica: 1, at: start)

        let (_, decision) = queue.admit(request(1), at: start)

        #expect(decision.batches.isEmpty)
        #expect(decision.wakeUp == start + delay)
        let due = queue.advance(to: start + delay)
        #expect(due.batches.first?.requests.map(\.id) == [1])
    }

    @Test("a full batch doesn't wait for the delay")
    func fullBatchStartsAtOnce() {
        var queue = BatchQueue<String>(limits: BatchLimits(rows: 2, delay: .seconds(1)))
        _ = queue.offer(replica: 1, at: start)
        _ = queue.admit(request(1), at: start)

        let (_, decision) = queue.admit(request(2), at: start)

        #expect(decision.batches.first?.requests.map(\.id) == [1, 2])
    }

    @Test("the delay never uses up a request's time")
    func delayKeepsTheDeadline() {
        var queue = BatchQueue<String>(limits: BatchLimits(rows: 8, delay: .seconds(5)))
        _ = queue.offer(replica: 1, at: start)

        let (_, decision) = queue.admit(request(1, timeout: .seconds(1)), at: start)

        #expect(decision.wakeUp == start + .milliseconds(500))
    }

    @Test("a request whose deadline has passed is answered and never handed out")
    func expiredRequestNeverRuns() {
        var queue = BatchQueue<String>()
        let (_, decision) = queue.admit(request(1, timeout: .seconds(1)), at: start)
        #expect(decision.wakeUp == start + .seconds(1))

        let late = queue.offer(replica: 1, at: start + .seconds(1))

        #expect(late.expired.map(\.id) == [1])
        #expect(late.batches.isEmpty)
        #expect(queue.count == 0)
    }

    @Test("a request whose caller has gone leaves the queue")
    func cancelledRequestLeaves() {
        var queue = BatchQueue<String>()
        _ = queue.admit(request(1), at: start)
        _ = queue.admit(request(2), at: start)

        let (first, second) = (queue.cancel(1), queue.cancel(1))

        #expect(first?.payload == "r1")
        #expect(second == nil)
        #expect(take(1, from: &queue) == [2])
    }

    @Test("a replica that begins late finds its batch fuller, in order and within the rows of a batch")
    func fillsUp() {
        var queue = BatchQueue<String>(limits: BatchLimits(rows: 3))
        _ = queue.offer(replica: 1, at: start)
        var batch = queue.admit(request(1), at: start).1.batches[0].requests
        _ = queue.admit(request(2, key: 1), at: start)
        for id in 3...5 { _ = queue.admit(request(UInt64(id), priority: id == 5 ? 1 : 0), at: start) }

        let decision = queue.fill(&batch, for: 1, at: start)

        #expect(batch.map(\.id) == [1, 5, 3])
        #expect(decision.batches.isEmpty && decision.expired.isEmpty)
        #expect(queue.count == 2)
    }

    @Test("filling up leaves out what is past its deadline, and leaves a full batch as it is")
    func fillsUpInTime() {
        var queue = BatchQueue<String>(limits: BatchLimits(rows: 2))
        _ = queue.offer(replica: 1, at: start)
        var large = queue.admit(request(1, rows: 5), at: start).1.batches[0].requests
        _ = queue.admit(request(2, timeout: .seconds(1)), at: start)
        _ = queue.admit(request(3), at: start)

        let decision = queue.fill(&large, for: 1, at: start + .seconds(1))

        #expect(large.map(\.id) == [1])
        #expect(decision.expired.map(\.id) == [2])
        #expect(queue.count == 1)
    }

    @Test("the replica that was busy last is taken first")
    func warmReplicaFirst() {
        var queue = BatchQueue<String>()
        _ = queue.offer(replica: 1, at: start)
        _ = queue.offer(replica: 2, at: start)

        let (_, decision) = queue.admit(request(1), at: start)

        #expect(decision.batches.map(\.replica) == [2])
    }
}
