internal import Glibc

/// Memory that was freed and that the allocator keeps.
enum FreedMemory {
    /// mimalloc's function, if this process uses it: it keeps what was freed until something else is allocated, and what
    /// a model's load frees is as large as the model.
    private static let collect: (@convention(c) (Bool) -> Void)? = {
        guard let symbol = unsafe dlsym(nil, "mi_collect") else { return nil }
        return unsafe unsafeBitCast(symbol, to: (@convention(c) (Bool) -> Void).self)
    }()

    /// Gives what the calling thread has freed back to the system.
    static func giveBack() {
        collect?(true)
    }
}
