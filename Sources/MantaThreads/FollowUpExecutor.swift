#if canImport(Glibc)
    import Glibc
#endif

/// Runs tasks on the cooperative pool, except those that one of our own threads resumes while it collects: they run on
/// that thread, right after.
///
/// A replica that has run a batch resumes one task for each request. What those do then (write the reply, resume the
/// connection) takes a few microseconds; waking up a thread of the pool for it takes as long again.
///
/// ```swift
/// Task(executorPreference: FollowUpExecutor.shared) { … }
/// FollowUpExecutor.shared.collecting { for request in batch { request.resume() } }
/// ```
package final class FollowUpExecutor: TaskExecutor {
    /// The jobs that a thread collects. Used by that thread only.
    private final class Collection {
        var jobs: [UnownedJob] = []
        var isOpen = false
    }

    /// The one that all share: what it knows belongs to threads.
    package static let shared = FollowUpExecutor()

    private let key: pthread_key_t

    private init() {
        var key = pthread_key_t()
        let error = unsafe pthread_key_create(&key) { collection in
            if let collection = unsafe collection { unsafe Unmanaged<Collection>.fromOpaque(collection).release() }
        }
        precondition(error == 0, "no thread-local storage (error \(error))")
        self.key = key
    }

    /// Takes a job: keeps it for the calling thread if that collects, else hands it to the pool.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if let collection = current, collection.isOpen {
            collection.jobs.append(job)
        } else {
            globalConcurrentExecutor.enqueue(job)
        }
    }

    /// Runs `body`, then the tasks that it resumed, each up to where it waits next. What those resume goes to the pool.
    ///
    /// To be called on a thread of our own.
    package func collecting(_ body: () -> Void) {
        let collection = current ?? makeCollection()
        collection.isOpen = true
        body()
        collection.isOpen = false
        for job in collection.jobs { unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
        collection.jobs.removeAll(keepingCapacity: true)
    }

    private var current: Collection? {
        unsafe pthread_getspecific(key).map { unsafe Unmanaged<Collection>.fromOpaque($0).takeUnretainedValue() }
    }

    private func makeCollection() -> Collection {
        let collection = Collection()
        unsafe pthread_setspecific(key, Unmanaged.passRetained(collection).toOpaque())
        return collection
    }
}
