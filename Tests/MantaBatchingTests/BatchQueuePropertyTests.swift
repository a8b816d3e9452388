import MantaBatching
import MantaCore
import MantaTestKit
import MantaTime
import Testing

/// Random events, checked against what must always hold.
@Suite("Batch queue, random interleavings")
struct BatchQueuePropertyTests {
    /// What a run of random events knows of a request.
    private struct Known {
        let request: QueuedRequest<UInt64>
        var end: String?
    }

    /// A queue under random events, with everything that happened to each request.
    private struct Run {
        var random: SeededGenerator
        var queue: BatchQueue<UInt64>
        var known: [UInt64: Known] = [:]
        var now = Instant.now
        var busy: Set<Int> = Set(0..<4)
        var idle: Set<Int> = []
        /// The batch that was handed out last.
        var last: [QueuedRequest<UInt64>] = []
        var lastReplica = 0
        let seed: UInt64

        init(seed: UInt64) {
            self.seed = seed
            var random = SeededGenerator(seed: seed)
            var limits = BatchLimits(
                requests: .random(in: 1...40, using: &random), bytes: .random(in: 50...4000, using: &random),
                rows: .random(in: 1...16, using: &random),
                delay: Bool.random(using: &random) ? .zero : .milliseconds(.random(in: 1...50, using: &random)))
            if Bool.random(using: &random) {
                limits.preferred = Set((0..<2).map { _ in .random(in: 1...limits.rows, using: &random) })
            }
            limits.isShared = .random(in: 0..<4, using: &random) > 0
            if Bool.random(using: &random) { limits.requestsOfPriority[2] = .random(in: 1...5, using: &random) }
            queue = BatchQueue(limits: limits)
            if Bool.random(using: &random) {
                queue.pace = BatchPace(
                    replicas: 4, times: (1...5).map { .milliseconds(.random(in: 0...20, using: &random) * $0) })
            }
            self.random = random
        }

        var waiting: [QueuedRequest<UInt64>] { known.values.filter { $0.end == nil }.map(\.request) }

        mutating func finish(_ id: UInt64, _ end: String) {
            #expect(known[id] != nil, "seed \(seed): request \(id) was never admitted")
            #expect(known[id]?.end == nil, "seed \(seed): request \(id) ended twice")
            known[id]?.end = end
        }

        mutating func apply(_ decision: BatchQueue<UInt64>.Decision) {
            for request in decision.expired {
                let run = (1...16).compactMap { queue.pace?.run(rows: $0) }.max() ?? .zero
                #expect(request.deadline <= now + run, "seed \(seed): \(request.id) expired early")
                #expect(!request.runsLate, "seed \(seed): \(request.id) expired although it runs late")
                finish(request.id, "expired")
            }
            for (replica, batch) in decision.batches {
                #expect(idle.remove(replica) != nil, "seed \(seed): replica \(replica) wasn't idle")
                busy.insert(replica)
                check(batch)
                checkSize(of: batch)
                for request in batch { finish(request.id, "ran") }
                (last, lastReplica) = (batch, replica)
            }
            if !idle.isEmpty, queue.limits.delay == .zero {
                #expect(waiting.isEmpty, "seed \(seed): work waits beside an idle replica")
            }
            // Those that are late already wait for a replica only.
            if waiting.contains(where: { $0.deadline > now }) {
                #expect(decision.wakeUp != nil, "seed \(seed): nobody would wake the queue")
            }
        }

        /// The replica that was given a batch last begins late.
        private mutating func fillLast() {
            let given = last.count
            var batch = last
            var decision = queue.fill(&batch, for: lastReplica, at: now)
            last = []
            let added = Array(batch.dropFirst(given))
            for request in decision.expired { finish(request.id, "expired") }
            decision.expired = []
            if !added.isEmpty {
                check(added)
                let rows = batch.reduce(0) { $0 + $1.rows }
                #expect(rows <= queue.limits.rows, "seed \(seed): filled up to \(rows) rows")
                #expect(Set(batch.map(\.key)).count == 1, "seed \(seed): keys mixed")
            }
            for request in added { finish(request.id, "ran") }
            apply(decision)
        }

        private func check(_ batch: [QueuedRequest<UInt64>]) {
            let rows = batch.reduce(0) { $0 + $1.rows }
            #expect(!batch.isEmpty && Set(batch.map(\.key)).count == 1, "seed \(seed): keys mixed")
            #expect(batch.count == 1 || rows <= queue.limits.rows, "seed \(seed): batch of \(rows) rows")
            for request in batch {
                #expect(request.payload == request.id, "seed \(seed): payload crossed")
                #expect(
                    request.deadline > now || request.runsLate, "seed \(seed): \(request.id) ran past its deadline")
            }
            let left = waiting.filter { other in !batch.contains { $0.id == other.id } && other.key == batch[0].key }
            for earlier in left {
                for request in batch {
                    let overtaken =
                        earlier.priority == request.priority && earlier.id < request.id
                        && earlier.deadline <= request.deadline && (earlier.deadline > now || request.deadline <= now)
                    #expect(!overtaken, "seed \(seed): \(request.id) overtook \(earlier.id)")
                    #expect(
                        !(earlier.priority != 0 && (request.priority == 0 || earlier.priority < request.priority)),
                        "seed \(seed): \(request.id) ran before \(earlier.id) of higher priority")
                }
            }
        }

        /// A batch of several requests is as large as can be, of a preferred size, or due.
        private func checkSize(of batch: [QueuedRequest<UInt64>]) {
            #expect(queue.limits.isShared || batch.count == 1, "seed \(seed): \(batch.count) requests run alone")
            // With a pace, deadlines decide too.
            guard queue.limits.isShared, !queue.limits.preferred.isEmpty, queue.pace == nil else { return }
            let rows = batch.reduce(0) { $0 + $1.rows }
            let others = waiting.filter { other in !batch.contains { $0.id == other.id } && other.key == batch[0].key }
            let oldest = (batch + others).map(\.arrived).min() ?? now
            let isDue = (batch + others).contains { request in
                now >= oldest + queue.limits.delay || now >= oldest + (request.deadline - oldest) / 2
            }
            // What is left fits no more, or the size is one that is preferred.
            let isFull = others.contains { rows + $0.rows > queue.limits.rows } || rows >= queue.limits.rows
            let most = queue.limits.preferred.max() ?? queue.limits.rows
            #expect(
                queue.limits.preferred.contains(rows) || isDue || isFull || rows >= most || batch.count == 1,
                "seed \(seed): a batch of \(rows) rows, neither preferred nor due")
            // Nothing is left behind that would have made a larger batch, but for the sake of a preferred size.
            #expect(
                queue.limits.preferred.contains(rows) || others.isEmpty || isFull,
                "seed \(seed): \(others.count) requests left beside a batch of \(rows) rows")
        }

        mutating func step(_ id: UInt64) {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5: arrive(id)
            case 5..<8:
                guard let replica = busy.randomElement(using: &random) else { return }
                busy.remove(replica)
                idle.insert(replica)
                apply(queue.offer(replica: replica, at: now))
            case 8 where Bool.random(using: &random): fillLast()
            case 8:
                guard let victim = known.keys.sorted().randomElement(using: &random) else { return }
                let waited = known[victim]?.end == nil
                let cancelled = queue.cancel(victim) != nil
                #expect(cancelled == waited, "seed \(seed): cancel of \(victim)")
                if waited { finish(victim, "cancelled") }
            default:
                now += .milliseconds(.random(in: 0...80, using: &random))
                apply(queue.advance(to: now))
            }
            #expect(queue.count == waiting.count, "seed \(seed)")
            #expect(queue.byteCount == waiting.reduce(0) { $0 + $1.byteCount }, "seed \(seed)")
            #expect(queue.count <= queue.limits.requests, "seed \(seed)")
            if let bound = queue.limits.requestsOfPriority[2] {
                #expect(waiting.count { $0.priority == 2 } <= bound, "seed \(seed): too many of priority 2")
            }
        }

        private mutating func arrive(_ id: UInt64) {
            let request = QueuedRequest(
                id: id, key: BatchKey(inputs: [], outputs: [.random(in: 0...2, using: &random)]),
                rows: .random(in: 1...6, using: &random), byteCount: .random(in: 0...200, using: &random),
                priority: .random(in: 0...3, using: &random), arrived: now,
                deadline: now + .milliseconds(.random(in: 1...200, using: &random)),
                runsLate: .random(in: 0..<4, using: &random) == 0, payload: id)
            // Known before the queue decides, since it may be handed out at once.
            known[id] = Known(request: request)
            var trial = queue
            let (admission, decision) = trial.admit(request, at: now)
            if admission != .accepted { known[id] = nil }
            queue = trial
            apply(decision)
        }
    }

    @Test("nothing is lost, run twice, late, crossed or out of order", arguments: 0..<200)
    func invariantsHold(round: UInt64) {
        var run = Run(seed: 0x6D61_6E74_6100 + round)
        for id in 0..<400 { run.step(UInt64(id)) }

        for request in run.queue.removeAll() { run.finish(request.id, "left") }

        #expect(run.known.values.allSatisfy { $0.end != nil }, "seed \(run.seed): a request was lost")
        #expect(run.queue.count == 0 && run.queue.byteCount == 0)
    }
}
