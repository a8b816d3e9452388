#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Memory that tensors share: written while it is made, read-only from then on, freed with its last owner.
///
/// Unchecked Sendable: the pointer is constant, and nobody can write through it once `init` has returned.
@safe public final class TensorBuffer: @unchecked Sendable {
    /// Every buffer that Manta allocates begins at a multiple of this, as engines like it for vector loads.
    public static let alignment = 64

    /// How many bytes there are.
    public let byteCount: Int
    private let start: UnsafeMutableRawPointer
    private let owner: AnyObject?

    /// Allocates memory and lets `body` write it.
    ///
    /// Bytes that `body` leaves alone are undefined. `byteCount` is at least 0.
    public init<Failure: Error>(
        byteCount: Int, initializing body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        precondition(byteCount >= 0)
        var memory: UnsafeMutableRawPointer?
        // One byte more than nothing, since an address is needed even for a tensor without elements.
        guard unsafe posix_memalign(&memory, Self.alignment, max(byteCount, 1)) == 0, let memory = unsafe memory else {
            preconditionFailure("out of memory: \(byteCount) bytes")
        }
        self.byteCount = byteCount
        unsafe self.start = memory
        self.owner = nil
        try unsafe body(UnsafeMutableRawBufferPointer(start: memory, count: byteCount))
    }

    /// Refers to memory that `owner` keeps valid and unchanged for as long as it lives.
    public init(referringTo start: UnsafeMutableRawPointer, byteCount: Int, owner: any AnyObject & Sendable) {
        unsafe self.start = start
        self.byteCount = byteCount
        self.owner = owner
    }

    /// Whether it allocated its memory and frees it, rather than refers to somebody else's.
    public var ownsMemory: Bool { owner == nil }

    deinit {
        if owner == nil { unsafe free(start) }
    }

    /// Calls `body` with the bytes.
    ///
    /// They must not be used after it returns.
    @inline(__always)
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeRawBufferPointer(start: start, count: byteCount))
    }
}
