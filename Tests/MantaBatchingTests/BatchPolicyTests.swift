import MantaBatching
import MantaCore
import MantaTime
import Testing

@Suite("Batch queue, sizes and policies")
struct BatchPolicyTests {
    let start = Instant.now

    private func request(
        _ id: UInt64, rows: Int = 1, priority: UInt32 = 0, timeout: Duration = .seconds(10), runsLate: Bool = false
    ) -> QueuedRequest<String> {
        QueuedRequest(
            id: id, key: BatchKey(inputs: [], outputs: [0]), rows: rows, byteCount: 8, priority: priority,
            arrived: start, deadline: start + timeout, runsLate: runsLate, payload: "r\(id)")
    }

    private func queue(
        rows: Int = 8, delay: Duration = .zero, preferred: Set<Int> = [],
        _ change: (inout BatchLimits) -> Void = { _ in }
    ) -> BatchQueue<String> {
        var limits = BatchLimits(rows: rows, delay: delay)
        limits.preferred = preferred
        change(&limits)
        return BatchQueue(limits: limits)
    }

    /// The requests of the batches that replicas are given who ask one after the other.
    private func batches(_ count: Int, from queue: inout BatchQueue<String>, after time: Duration = .zero) -> [[UInt64]]
    {
        (1...count).flatMap { replica in
            queue.offer(replica: replica, at: start + time).batches.map { $0.requests.map(\.id) }
        }
    }

    @Test("without a delay the largest preferred size that can be formed runs, and what is left next")
    func preferredAtOnce() {
        var queue = queue(preferred: [2, 4])
        for id in 1...7 { _ = queue.admit(request(UInt64(id)), at: start) }

        #expect(batches(3, from: &queue) == [[1, 2, 3, 4], [5, 6], [7]])
    }

    @Test("with a delay a preferred size runs at once, and any other size when the oldest has waited for it")
    func preferredWithDelay() {
        var queue = queue(delay: .milliseconds(5), preferred: [4])
        _ = queue.offer(replica: 1, at: start)
        for id in 1...3 {
            let decision = queue.admit(request(UInt64(id)), at: start).1
            #expect(decision.batches.isEmpty)
            #expect(decision.wakeUp == start + .milliseconds(5))
        }

        let full = queue.admit(request(4), at: start).1
        _ = queue.admit(request(5), at: start)
        #expect(batches(1, from: &queue) == [])
        let due = queue.advance(to: start + .milliseconds(5))

        #expect(full.batches.first?.requests.map(\.id) == [1, 2, 3, 4])
        #expect(due.batches.first?.requests.map(\.id) == [5])
    }

    @Test("rows that make no preferred size run once there is nothing to wait for")
    func beyondPreferred() {
        var queue = queue(delay: .seconds(1), preferred: [4])
        _ = queue.admit(request(1, rows: 3), at: start)
        _ = queue.admit(request(2, rows: 3), at: start)

        #expect(batches(1, from: &queue) == [[1, 2]])
    }

    @Test("a batch of a preferred size isn't filled up by a replica that begins late")
    func preferredStays() {
        var queue = queue(preferred: [1])
        _ = queue.offer(replica: 1, at: start)
        var batch = queue.admit(request(1), at: start).1.batches[0].requests
        _ = queue.admit(request(2), at: start)

        _ = queue.fill(&batch, for: 1, at: start)

        #expect(batch.map(\.id) == [1])
    }

    @Test("requests that don't share batches run alone, and at once")
    func alone() {
        var queue = queue(delay: .seconds(1)) { $0.isShared = false }
        for id in 1...3 { _ = queue.admit(request(UInt64(id), rows: 2), at: start) }

        #expect(batches(3, from: &queue) == [[1], [2], [3]])
    }

    @Test("a request that runs late steps back behind those of its priority that are in time, and still runs")
    func late() {
        var queue = queue(rows: 1)
        _ = queue.admit(request(1, timeout: .milliseconds(5), runsLate: true), at: start)
        _ = queue.admit(request(2), at: start)
        _ = queue.admit(request(3, timeout: .milliseconds(5)), at: start)

        let passed = queue.advance(to: start + .milliseconds(5))

        #expect(passed.expired.map(\.id) == [3])
        #expect(batches(2, from: &queue, after: .milliseconds(6)) == [[2], [1]])
        #expect(queue.count == 0)
    }

    @Test("late requests of a higher priority still run before others that are in time")
    func lateOfHigherPriority() {
        var queue = queue(rows: 1)
        _ = queue.admit(request(1, priority: 2), at: start)
        _ = queue.admit(request(2, priority: 1, timeout: .milliseconds(5), runsLate: true), at: start)

        #expect(batches(2, from: &queue, after: .milliseconds(5)) == [[2], [1]])
    }

    @Test("a priority with a bound of its own refuses beyond it, and others don't")
    func boundOfPriority() {
        var queue = queue(rows: 1) { $0.requestsOfPriority = [2: 1] }
        #expect(queue.admit(request(1, priority: 2), at: start).0 == .accepted)
        #expect(queue.admit(request(2, priority: 2), at: start).0 == .tooManyOfPriority(2))
        #expect(queue.admit(request(3, priority: 1), at: start).0 == .accepted)

        _ = batches(2, from: &queue)

        #expect(queue.admit(request(4, priority: 2), at: start).0 == .accepted)
    }

    @Test("where sizes are preferred none is learned")
    func fixedSize() {
        var sizer = BatchSizer(maxRows: 64, fixed: "because")
        var changes = 0
        for rows in [1, 64] {
            for _ in 0..<64 where sizer.record(rows: rows, time: .milliseconds(rows * rows)) { changes += 1 }
        }

        #expect(changes == 0)
        #expect(sizer.choice.rows == 64 && sizer.choice.reason == "because")
    }
}
