#if canImport(Glibc)
    import Glibc
#endif

/// Memory that was freed and that the allocator keeps.
package enum FreedMemory {
    /// mimalloc's function, if this process uses it: it keeps what was freed until something else is allocated, and what
    /// a model's load frees is as large as the model.
    private static let collect: (@convention(c) (Bool) -> Void)? = {
        guard let symbol = unsafe dlsym(nil, "mi_collect") else { return nil }
        return unsafe unsafeBitCast(symbol, to: (@convention(c) (Bool) -> Void).self)
    }()

    /// Gives back to the system what was freed of the memory that the calling thread took.
    ///
    /// To be called by each thread that took some: the allocator keeps memory for the thread that took it, whoever freed it.
    package static func giveBack() {
        collect?(true)
    }
}
