#if canImport(Glibc)
    import Glibc
#endif

/// Holds threads of engines up until a test lets them go on. It blocks its callers.
///
/// Unchecked Sendable: semaphores may be used by any thread, and the pointers are constant.
@safe package final class Gate: @unchecked Sendable {
    private let reached = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    private let opened = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    /// A gate that is shut.
    package init() {
        unsafe sem_init(reached, 0, 0)
        unsafe sem_init(opened, 0, 0)
    }

    deinit {
        unsafe sem_destroy(reached)
        unsafe sem_destroy(opened)
        unsafe reached.deallocate()
        unsafe opened.deallocate()
    }

    /// Waits until the gate is open.
    package func wait() {
        unsafe sem_post(reached)
        unsafe sem_wait(opened)
        unsafe sem_post(opened)
    }

    /// Waits until somebody waits at the gate.
    package func waitUntilReached() {
        unsafe sem_wait(reached)
    }

    /// Lets everybody through from now on.
    package func open() {
        unsafe sem_post(opened)
    }
}
