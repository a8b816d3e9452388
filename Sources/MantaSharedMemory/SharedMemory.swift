package import MantaCore
import Synchronization

/// Regions of memory that clients on the same machine share with the server.
///
/// Nothing that a client says or does to its memory is trusted: each access is checked against the region, and made with
/// reads and writes of the object, never through a mapping, so that memory that went away is an error and not a signal.
///
/// ```swift
/// try memory.register(.init(name: "inputs", key: "/inputs", offset: 0, byteCount: 4096))
/// let tensor = try memory.read(MemorySlice(region: "inputs", byteCount: 12), .fp32, [3])
/// ```
package final class SharedMemory: Sendable {
    /// A registered region.
    package struct Region: Sendable, Hashable {
        /// The name that requests call it.
        package var name: String
        /// The name of the POSIX shared memory object.
        package var key: String
        /// Where it begins in the object, in bytes.
        package var offset: Int
        /// How many bytes it has.
        package var byteCount: Int

        /// A region of an object.
        package init(name: String, key: String, offset: Int = 0, byteCount: Int) {
            (self.name, self.key, self.offset, self.byteCount) = (name, key, offset, byteCount)
        }
    }

    /// What clients may take of the server.
    package struct Limits: Sendable {
        /// Regions at a time. Each keeps a file descriptor.
        package var regions = 256
        /// Bytes of a region's name.
        package var nameBytes = 1024
        /// Bytes of inputs copied out of regions and not let go of yet, over all requests: a request that names such
        /// inputs is short, however large they are, so the limits on bodies don't see them.
        package var inputBytes = 4 << 30

        /// The defaults.
        package init() {}
    }

    private let limits: Limits
    private let inputs: MemoryBudget
    private let registered = Mutex<[String: (region: Region, object: MemoryObject)]>([:])

    /// No regions.
    package init(limits: Limits = Limits()) {
        self.limits = limits
        inputs = MemoryBudget(limit: limits.inputBytes)
    }

    /// What requests are told that ask for memory of a GPU.
    package static let onlyOfSystem = ServingError(
        .unsupported, "CUDA shared memory isn't supported: models run on CPUs; use system shared memory")

    /// The regions, by name.
    package var regions: [Region] {
        registered.withLock { $0.values.map(\.region) }.sorted { $0.name < $1.name }
    }

    /// The region of a name.
    ///
    /// - Throws: ``ServingError`` with code `notFound`.
    package func region(_ name: String) throws(ServingError) -> Region {
        guard let (region, _) = registered.withLock({ $0[name] }) else {
            throw ServingError(.notFound, Self.notRegistered(name))
        }
        return region
    }

    private static func notRegistered(_ name: String) -> String {
        "shared memory region \"\(name)\" is not registered"
    }

    /// Registers a region. It stays valid when its client unlinks the object.
    ///
    /// - Throws: ``ServingError``: `invalidRequest`, `alreadyExists` if the name is taken, or `overloaded` if there are too
    ///   many.
    package func register(_ region: Region) throws(ServingError) {
        guard (1...limits.nameBytes).contains(region.name.utf8.count) else {
            throw ServingError(.invalidRequest, "a region's name has 1 to \(limits.nameBytes) bytes")
        }
        try checkRoom(for: region.name)
        let subject = "shared memory region \"\(region.name)\""
        let object = try MemoryObject(key: region.key, subject: subject)
        try Self.check(
            offset: region.offset, region.byteCount, within: try object.byteCount(), subject,
            of: "the object \"\(region.key)\"")
        try registered.withLock { registered throws(ServingError) in
            // Another request may have been faster.
            try checkRoom(for: region.name, among: registered.keys)
            registered[region.name] = (region, object)
        }
    }

    /// Forgets a region; all if none is named. One that isn't there is none to forget. Reads and writes that go on finish.
    package func unregister(_ name: String?) {
        // Objects are closed once the lock is gone.
        let forgotten = registered.withLock { registered in
            guard let name else {
                defer { registered = [:] }
                return Array(registered.values)
            }
            return [registered.removeValue(forKey: name)].compactMap(\.self)
        }
        withExtendedLifetime(forgotten) {}
    }

    /// Checks that there is such a part of a region.
    ///
    /// - Throws: ``ServingError`` with code `invalidRequest`.
    package func check(_ slice: MemorySlice) throws(ServingError) {
        _ = try find(slice)
    }

    /// Copies a tensor out of a region.
    ///
    /// - Throws: ``ServingError`` with code `invalidRequest`, or `overloaded` if inputs of too many bytes are in use.
    package func read(_ slice: MemorySlice, _ dataType: DataType, _ shape: Shape) throws(ServingError) -> Tensor {
        if let fault = Tensor.fault(in: slice.byteCount, of: dataType, shape, source: "shared_memory_byte_size is") {
            throw ServingError(.invalidRequest, fault)
        }
        let (object, offset) = try find(slice)
        let buffer = try unsafe inputs.buffer(slice.byteCount) { target throws(ServingError) in
            try unsafe object.read(into: target, at: offset)
            // The copy is looked at, which the client can't change any more.
            if let fault = unsafe Tensor.fault(in: UnsafeRawBufferPointer(target), dataType, shape) {
                throw ServingError(.invalidRequest, fault)
            }
        }
        return Tensor(dataType, shape: shape, buffer: buffer)
    }

    /// Copies a tensor into a region.
    ///
    /// - Returns: Where it is: the slice with the tensor's size.
    /// - Throws: ``ServingError`` with code `invalidRequest` if it doesn't fit.
    package func write(_ tensor: Tensor, to slice: MemorySlice) throws(ServingError) -> MemorySlice {
        var written = slice
        written.byteCount = try size(of: tensor, in: slice)
        let (object, offset) = try find(slice)
        try unsafe tensor.withUnsafeBytes { bytes throws(ServingError) in try unsafe object.write(bytes, at: offset) }
        return written
    }

    /// How many bytes a tensor takes of a slice.
    ///
    /// - Throws: ``ServingError`` with code `invalidRequest` if it doesn't fit.
    package func size(of tensor: Tensor, in slice: MemorySlice) throws(ServingError) -> Int {
        guard tensor.byteCount <= slice.byteCount else {
            throw ServingError(
                .invalidRequest,
                "\(tensor.dataType.rawValue) \(tensor.shape) takes \(tensor.byteCount) bytes, but "
                    + "shared_memory_byte_size is \(slice.byteCount)")
        }
        return tensor.byteCount
    }

    /// The object that a slice is of, and where in the object it begins.
    private func find(_ slice: MemorySlice) throws(ServingError) -> (object: MemoryObject, offset: Int) {
        guard let (region, object) = registered.withLock({ $0[slice.region] }) else {
            throw ServingError(.invalidRequest, Self.notRegistered(slice.region))
        }
        try Self.check(
            offset: slice.offset, slice.byteCount, within: region.byteCount, "the part asked for",
            of: "the shared memory region \"\(slice.region)\"")
        return (object, region.offset + slice.offset)
    }

    private static func check(
        offset: Int, _ byteCount: Int, within whole: Int, _ subject: String, of owner: String
    ) throws(ServingError) {
        let (end, overflow) = offset.addingReportingOverflow(byteCount)
        guard offset >= 0, byteCount >= 0, !overflow, end <= whole else {
            throw ServingError(
                .invalidRequest,
                "\(subject): \(byteCount) bytes from byte \(offset) on aren't within \(owner), which has \(whole) bytes"
            )
        }
    }

    private func checkRoom(for name: String) throws(ServingError) {
        try registered.withLock { registered throws(ServingError) in try checkRoom(for: name, among: registered.keys) }
    }

    private func checkRoom(for name: String, among names: some Collection<String>) throws(ServingError) {
        guard !names.contains(name) else {
            throw ServingError(.alreadyExists, "shared memory region \"\(name)\" is registered already")
        }
        guard names.count < limits.regions else {
            throw ServingError(
                .overloaded, "\(limits.regions) shared memory regions are registered, and no more are taken")
        }
    }
}

extension SharedMemory? {
    /// The memory, if clients may share it.
    ///
    /// - Throws: ``ServingError`` with code `forbidden`.
    package func orForbidden() throws(ServingError) -> SharedMemory {
        guard let self else {
            throw ServingError(
                .forbidden, "clients may not use shared memory here: start Manta with --allow-shared-memory")
        }
        return self
    }
}
