package import MantaCore

/// Regions of memory that clients on the same machine share with the server.
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

        /// A region.
        package init(name: String, key: String, offset: Int = 0, byteCount: Int) {
            (self.name, self.key, self.offset, self.byteCount) = (name, key, offset, byteCount)
        }
    }

    /// No regions.
    package init() {}

    /// The regions, by name.
    package var regions: [Region] { [] }

    /// Registers a region.
    ///
    /// - Throws: ``ServingError``: `invalidRequest`, or `alreadyExists` if the name is taken.
    package func register(_ region: Region) throws(ServingError) {
    }

    /// Forgets a region; all if none is named. One that isn't there is none to forget.
    package func unregister(_ name: String?) {
    }

    /// Copies a tensor out of a region.
    ///
    /// - Throws: ``ServingError`` with code `invalidRequest`.
    package func read(_ slice: MemorySlice, _ dataType: DataType, _ shape: Shape) throws(ServingError) -> Tensor {
        throw ServingError(.unsupported, "shared memory isn't supported")
    }

    /// Copies a tensor into a region.
    ///
    /// - Returns: Where it is: the slice with the tensor's size.
    /// - Throws: ``ServingError`` with code `invalidRequest` if it doesn't fit.
    package func write(_ tensor: Tensor, to slice: MemorySlice) throws(ServingError) -> MemorySlice {
        throw ServingError(.unsupported, "shared memory isn't supported")
    }
}
