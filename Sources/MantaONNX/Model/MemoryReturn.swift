internal import CONNXRuntime
internal import MantaTime
internal import Synchronization

/// The options of runs that give what the arena doesn't use back to the system. The runtime does so at the end of a run
/// only.
///
/// Unchecked Sendable: the pointers are constant, and the runtime only reads what they point to.
@safe final class MemoryReturn: @unchecked Sendable {
    private let runtime: Runtime
    private let afterRun: OpaquePointer
    /// Of a run that ends before its first node. Lives as long as this object, as the other does.
    let insteadOfRun: OpaquePointer
    /// In which second of the machine's life a run last gave memory back.
    private let last = Atomic<Int64>(0)

    init(_ runtime: Runtime) throws(RuntimeFailure) {
        self.runtime = runtime
        unsafe afterRun = try unsafe Self.options(runtime)
        do throws(RuntimeFailure) {
            unsafe insteadOfRun = try unsafe Self.options(runtime)
        } catch {
            unsafe runtime.api.pointee.ReleaseRunOptions(afterRun)
            throw error
        }
        try unsafe runtime.check(runtime.api.pointee.RunOptionsSetTerminate(insteadOfRun))
    }

    deinit {
        unsafe runtime.api.pointee.ReleaseRunOptions(afterRun)
        unsafe runtime.api.pointee.ReleaseRunOptions(insteadOfRun)
    }

    /// The options of the next run; `nil` for the usual ones.
    ///
    /// To get memory again from the system costs a run some milliseconds, so it is given away once a second.
    func optionsOfNextRun() -> OpaquePointer? {
        let (now, last) = (Instant.now.secondsSinceStart, last.load(ordering: .relaxed))
        guard now != last else { return nil }
        let isFirst = self.last.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
        return isFirst ? unsafe afterRun : nil
    }

    private static func options(_ runtime: Runtime) throws(RuntimeFailure) -> OpaquePointer {
        var options: OpaquePointer?
        try unsafe runtime.check(runtime.api.pointee.CreateRunOptions(&options))
        guard let options = unsafe options else { throw RuntimeFailure("the runtime gave no options") }
        do throws(RuntimeFailure) {
            try unsafe runtime.check(
                runtime.api.pointee.AddRunConfigEntry(options, "memory.enable_memory_arena_shrinkage", "cpu:0"))
        } catch {
            unsafe runtime.api.pointee.ReleaseRunOptions(options)
            throw error
        }
        return unsafe options
    }
}
