#if canImport(Glibc)
    import Glibc
#endif

/// An actor's own thread: what the actor does may block without holding up anybody else. Or, if so made, that of tasks
/// which prefer it and go on there though the cooperative pool is busy.
///
/// Unchecked Sendable: `jobs` and `isStopped` are only touched with `lock` held; the pointers never change and are
/// freed when neither the thread nor anybody else refers to the executor.
@safe package final class ThreadExecutor: SerialExecutor, TaskExecutor, @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    private var jobs: [UnownedJob] = []
    private var isStopped = false
    private let servesTasks: Bool

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - name: The thread's.
    ///   - servesTasks: Whether it is for tasks that prefer it, and not for an actor: what an actor does would leave and
    ///     come back at each call, to be where its task prefers to be.
    package init(name: String, servesTasks: Bool = false) {
        self.servesTasks = servesTasks
        unsafe lock = .allocate(capacity: 1)
        unsafe changed = .allocate(capacity: 1)
        unsafe pthread_mutex_init(lock, nil)
        unsafe pthread_cond_init(changed, nil)
        Thread.start(name: name) { self.loop() }
    }

    deinit {
        unsafe pthread_cond_destroy(changed)
        unsafe pthread_mutex_destroy(lock)
        unsafe changed.deallocate()
        unsafe lock.deallocate()
    }

    /// Runs a job after those before it.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        unsafe pthread_mutex_lock(lock)
        jobs.append(job)
        // Before unlocking: after it the thread may run the job, end, and free what is signalled.
        unsafe pthread_cond_signal(changed)
        unsafe pthread_mutex_unlock(lock)
    }

    /// Lets the thread end once it has run what is queued. Nothing may be enqueued after.
    package func stop() {
        unsafe pthread_mutex_lock(lock)
        isStopped = true
        unsafe pthread_cond_signal(changed)
        unsafe pthread_mutex_unlock(lock)
    }

    private func loop() {
        while true {
            unsafe pthread_mutex_lock(lock)
            while jobs.isEmpty, !isStopped { unsafe pthread_cond_wait(changed, lock) }
            let ready = jobs
            jobs.removeAll(keepingCapacity: true)
            unsafe pthread_mutex_unlock(lock)
            if ready.isEmpty { return }
            for job in ready {
                if servesTasks {
                    unsafe job.runSynchronously(on: asUnownedTaskExecutor())
                } else {
                    unsafe job.runSynchronously(on: asUnownedSerialExecutor())
                }
            }
        }
    }
}
