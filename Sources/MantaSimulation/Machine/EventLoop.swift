import CSimulation
import DequeModule
import HeapModule
package import MantaTime

/// Runs everything of a simulation on one thread: all tasks of the process, and what is due at a time that only moves when
/// nothing is left to do. So one seed gives one course of events.
///
/// Unchecked Sendable, as all classes of a simulation: they are only touched by the thread that ``run(until:)`` keeps, on
/// which every task of the process runs.
package final class EventLoop: SerialExecutor, @unchecked Sendable {
    private struct Event: Comparable {
        let at: Instant
        let number: Int
        let body: () -> Void

        static func < (left: Event, right: Event) -> Bool {
            (left.at, left.number) < (right.at, right.number)
        }

        static func == (left: Event, right: Event) -> Bool { left.number == right.number }
    }

    /// The one of this process. The runtime has one place for what takes its jobs.
    package static let shared: EventLoop = {
        let loop = EventLoop()
        unsafe simulation_take_jobs { job in
            guard let job = unsafe job else { return }
            unsafe EventLoop.shared.jobs.append(unsafeBitCast(job, to: UnownedJob.self))
        }
        return loop
    }()

    private var jobs: Deque<UnownedJob> = []
    private var events: Heap<Event> = []
    private var nextNumber = 0
    /// The present of the simulated world.
    package private(set) var now = Instant.origin
    /// What all chance of the world is drawn from.
    var random = Randomness(seed: 0)
    /// Told what happens, for people and for the digest of the course of events.
    var chronicle = Chronicle()

    private init() {}

    /// A new world, at the beginning of its time. Nothing of the one before may be left.
    package func reset(seed: UInt64) {
        precondition(jobs.isEmpty, "tasks of the last world are still to run")
        events = []
        (nextNumber, now) = (0, .origin)
        random = Randomness(seed: seed)
        chronicle = Chronicle()
    }

    package func enqueue(_ job: consuming ExecutorJob) { jobs.append(UnownedJob(job)) }

    /// Has `body` run at a time.
    func at(_ instant: Instant, _ body: @escaping () -> Void) {
        nextNumber += 1
        events.insert(Event(at: max(instant, now), number: nextNumber, body: body))
    }

    /// Has `body` run after a duration.
    func after(_ duration: Duration, _ body: @escaping () -> Void) { at(now + duration, body) }

    /// Lets everything happen that is due by `end`.
    package func run(until end: Instant) {
        settle()
        while let next = events.min, next.at <= end {
            _ = events.popMin()
            now = next.at
            next.body()
            settle()
        }
        now = max(now, end)
    }

    /// Runs tasks until all of them wait.
    package func settle() {
        while let job = jobs.popFirst() { unsafe job.runSynchronously(on: asUnownedSerialExecutor()) }
    }
}
