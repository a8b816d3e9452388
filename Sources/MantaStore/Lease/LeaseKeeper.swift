import MantaThreads
public import MantaTime
import Synchronization

/// Keeps one lease alive, and takes another when it is lost.
///
/// ```swift
/// let keeper = LeaseKeeper(store: store)
/// async let keeping: Void = keeper.run()
/// for await lease in keeper.leases { if let lease { try await store.put("nodes/a", bytes, lease: lease.id) } }
/// ```
///
/// It has a thread of its own, so that a busy cooperative pool doesn't make it late. A lost lease is an event, never a
/// stop: whoever put keys with it puts them again with the next one.
public final class LeaseKeeper: Sendable {
    private let store: any Store
    private let timeToLive: Duration
    private let time: any TimeSource
    /// `nil` where the clock isn't the machine's.
    private let executor: ThreadExecutor?
    private let schedule: Mutex<LeaseSchedule>
    let latest = Latest<Lease?>(nil)

    /// Keeps nothing yet.
    ///
    /// - Parameters:
    ///   - store: Where the lease is.
    ///   - timeToLive: How long keys stay when this process is gone. The store may grant more.
    ///   - time: The clock; `nil` for the machine's, whose sleepers need no cooperative pool to wake up. With another
    ///     one there is no thread either.
    public init(store: any Store, timeToLive: Duration = .seconds(15), time: (any TimeSource)? = nil) {
        (self.store, self.timeToLive, self.time) = (store, timeToLive, time ?? ThreadTime())
        executor = time == nil ? ThreadExecutor(name: "lease", servesTasks: true) : nil
        schedule = Mutex(LeaseSchedule(timeToLive: timeToLive))
    }

    deinit {
        executor?.stop()
    }

    /// The lease that lives now; `nil` before the first and after a loss. One whose time is over by our clock is lost.
    public var lease: Lease? { latest.value }

    /// The lease and the ones after it, `nil` in between. A lease that was given up and lives after all comes again.
    public var leases: Updates<Lease?> { Updates(latest: latest) }

    /// Keeps a lease until the task is cancelled, and revokes it then. Call it once.
    public func run() async {
        await withTaskExecutorPreference(executor) { await keep() }
        let last = latest.value
        latest.set(nil)
        latest.end()
        guard let last else { return }
        // Not cancelled with the task that runs this. When it fails, the time to live does it.
        await Task(executorPreference: executor) { [store] in try? await store.revoke(last.id) }.value
    }

    private func keep() async {
        while !Task.isCancelled {
            switch schedule.withLock({ $0.step(at: time.now) }) {
            case .wait(let instant): do { try await time.sleep(until: instant) } catch { return }
            case .giveUp: latest.set(nil)
            case .grant: await grant()
            case .renew(let lease): await renew(lease)
            }
        }
    }

    private func grant() async {
        let sent = time.now
        do throws(StoreError) {
            let lease = try await store.grantLease(timeToLive)
            schedule.withLock { $0.granted(lease, sent: sent, jitter: time.jitter()) }
            latest.set(lease)
        } catch {
            schedule.withLock { $0.failed(at: time.now, jitter: time.jitter()) }
        }
    }

    private func renew(_ lease: LeaseID) async {
        let sent = time.now
        switch await answer(lease, by: schedule.withLock { $0.deadline }) {
        case .success(let timeToLive):
            let regained = schedule.withLock { $0.renewed(timeToLive, sent: sent, jitter: time.jitter()) }
            if let regained { latest.set(regained) }
        case .failure(let error) where error.code == .leaseLost:
            schedule.withLock { $0.lost() }
            latest.update { lease in
                defer { lease = nil }
                return lease != nil
            }
        case .failure:
            schedule.withLock { $0.failed(at: time.now, jitter: time.jitter()) }
        }
    }

    /// What the store says before the lease's time is over.
    private func answer(_ lease: LeaseID, by deadline: Instant?) async -> Result<Duration, StoreError> {
        await withTaskGroup(of: Result<Duration, StoreError>.self) { [store, time] group in
            group.addTask {
                do throws(StoreError) {
                    return .success(try await store.keepAlive(lease))
                } catch {
                    return .failure(error)
                }
            }
            if let deadline {
                group.addTask {
                    try? await time.sleep(until: deadline)
                    return .failure(StoreError(.unavailable, "the store doesn't answer before the lease's end"))
                }
            }
            defer { group.cancelAll() }
            guard let answer = await group.next() else { preconditionFailure("a group without a task") }
            return answer
        }
    }
}
