import MantaTime

/// A process of the world: its clock, and the door through which everything from outside comes in.
///
/// What runs inside takes no time. So a process that is stopped is one whose door stays shut until it goes on, and one
/// that is killed is one whose door never opens again. Unchecked Sendable: see ``EventLoop``.
final class SimulatedProcess: TimeSource, @unchecked Sendable {
    enum State { case runs, isStopped, isDead }

    let name: String
    /// Where others reach it.
    var address: String { "http://\(name):8000" }
    let loop = EventLoop.shared
    private(set) var state = State.runs
    /// How much faster than the world's its clock goes, such as 0.0001.
    private let drift: Double
    /// What came while it was stopped.
    private var backlog: [() -> Void] = []
    /// What waits inside for something from outside, and how it is told that it waits in vain.
    private var waiting: [Int: () -> Void] = [:]
    private var nextNumber = 0
    private var body: Task<Void, Never>?

    init(name: String) {
        self.name = name
        drift = Double.random(in: -2e-4...2e-4, using: &loop.random)
    }

    /// Begins what it does.
    func start(_ body: @escaping @Sendable () async -> Void) { self.body = Task { await body() } }

    /// SIGSTOP.
    func stop() { if state == .runs { state = .isStopped } }

    /// SIGCONT.
    func resume() {
        guard state == .isStopped else { return }
        state = .runs
        let backlog = backlog
        self.backlog = []
        for body in backlog { enter(body) }
    }

    /// SIGKILL.
    func kill() {
        state = .isDead
        backlog = []
        body?.cancel()
        let vain = waiting.sorted { $0.key < $1.key }
        waiting = [:]
        for (_, tell) in vain { tell() }
    }

    /// Has `body` happen inside, as soon as the process runs.
    func enter(_ body: @escaping () -> Void) {
        switch state {
        case .runs: body()
        case .isStopped: backlog.append(body)
        case .isDead: break
        }
    }

    /// Waits inside for something from outside.
    ///
    /// - Parameters:
    ///   - vain: What it gets if the task is cancelled or the process killed.
    ///   - begin: Asks for it, and is given the way to tell it. Of several answers the first counts.
    /// - Returns: What came.
    func wait<Value: Sendable>(
        orElse vain: Value, _ begin: (_ answer: @escaping (Value) -> Void) -> Void
    ) async -> Value {
        if state == .isDead, !Task.isCancelled {
            // A task that nobody can cancel any more: it ends here, as it would with its process.
            return await unsafe withUnsafeContinuation { _ in }
        }
        nextNumber += 1
        let number = nextNumber
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard state != .isDead, !Task.isCancelled else { return continuation.resume(returning: vain) }
                waiting[number] = { continuation.resume(returning: vain) }
                begin { value in
                    self.enter {
                        guard self.waiting.removeValue(forKey: number) != nil else { return }
                        continuation.resume(returning: value)
                    }
                }
            }
        } onCancel: {
            waiting.removeValue(forKey: number)?()
        }
    }

    // MARK: - Its clock

    var now: Instant { .origin + (loop.now - .origin) * (1 + drift) }

    func sleep(until deadline: Instant) async throws {
        // Never before it, by rounding.
        let due = Instant.origin + (deadline - .origin) / (1 + drift) + .microseconds(1)
        let isOver = await wait(orElse: false) { answer in loop.at(due) { answer(true) } }
        if !isOver { throw CancellationError() }
    }

    func jitter() -> Double { Double.random(in: 0...1, using: &loop.random) }
}
