import MantaThreads

/// Immutable blobs named by their SHA-256, in a folder with a bound.
///
/// ```swift
/// let store = try await ObjectStore.open("/var/lib/manta/objects", limit: 10 << 30)
/// let id = try await store.put(file: "model.onnx")
/// let pin = try await store.pin(id)  // the file at pin.path stays while the pin lives
/// ```
///
/// What is used stays; of the rest, what wasn't used for longest goes when room is needed. An object is in its place whole
/// or not at all, and is read through and checked before a process first uses it.
///
/// Its thread does what is short (look, rename, remove); each read or write of contents has a thread for its time. So
/// nothing waits for a large file to be hashed but who wants that file.
package actor ObjectStore {
    /// The size of the ranges that objects are fetched in.
    package nonisolated let chunkSize: Int
    nonisolated let folder: ObjectFolder
    var index: ObjectIndex
    /// Held until the store is closed.
    private var lock: BlockingFile?
    private let thread: ThreadExecutor

    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    private init(_ folder: ObjectFolder, lock: consuming BlockingFile, limit: Int, chunkSize: Int) {
        (self.folder, self.chunkSize) = (folder, chunkSize)
        self.lock = consume lock
        index = ObjectIndex(limit: limit)
        thread = ThreadExecutor(name: "objects")
    }

    deinit { thread.stop() }

    /// Opens the objects of a folder, which is made if there is none.
    ///
    /// - Parameters:
    ///   - path: The folder. One process at a time can have it.
    ///   - limit: How many bytes it may hold. What is too much already goes.
    ///   - chunkSize: The size of the ranges that objects are fetched in. What was fetched in others is fetched anew.
    /// - Returns: The store.
    /// - Throws: ``ObjectError``: `locked` if another process has the folder, `unavailable` if the disk fails.
    package static func open(
        _ path: String, limit: Int, chunkSize: Int = 4 << 20
    ) async throws(ObjectError) -> ObjectStore {
        let store = try await Thread.run(name: "objects") { () throws(ObjectError) in
            let folder = ObjectFolder(path: path)
            return ObjectStore(folder, lock: try folder.open(), limit: limit, chunkSize: chunkSize)
        }
        try await store.find()
        return store
    }

    /// Finds what is in the folder, what wasn't used for longest first.
    private func find() throws(ObjectError) {
        let partials = try folder.partials(chunkSize: chunkSize).map { ($0.file, Optional($0.ranges)) }
        let objects = try folder.objects()
        let whole = Set(objects.map(\.id))
        let found = objects.map { ($0, nil) } + partials
        for (file, ranges) in found.sorted(by: { $0.0.used < $1.0.used }) {
            if ranges != nil, whole.contains(file.id) {
                folder.removePartial(file.id)
                continue
            }
            index.add(
                file.id, byteCount: ranges?.layout.byteCount ?? file.byteCount, ranges: ranges, isVerified: false)
        }
        removeFiles(of: index.removeLeastUsed(until: index.limit))
    }

    /// Lets another process have the folder. Nothing may be asked for after it.
    package func close() { lock = nil }

    /// The room that is taken, in bytes: what is being fetched counts as whole.
    package var byteCount: Int { index.byteCount }

    /// Whole objects, by name.
    package var objects: [ObjectID] { index.entries.filter { $0.value.ranges == nil }.keys.sorted() }

    /// The ranges of an object that can be read: what this node may offer to others; `nil` if there is none.
    package func chunks(of id: ObjectID) -> (layout: ChunkLayout, present: Set<Int>)? {
        guard let entry = index.entries[id] else { return nil }
        if let ranges = entry.ranges { return (ranges.layout, ranges.present) }
        let layout = ChunkLayout(byteCount: entry.byteCount, chunkSize: chunkSize)
        return (layout, Set(0..<layout.count))
    }

    func isWhole(_ id: ObjectID) -> Bool { index.entries[id].map { $0.ranges == nil } ?? false }

    /// Removes files of objects that are no longer in the index.
    ///
    /// To be called before anything else may happen to the actor: an object may come back.
    func removeFiles(of ids: [ObjectID]) {
        for id in ids {
            folder.remove(folder.file(of: id))
            folder.removePartial(id)
        }
    }
}

// MARK: - Putting

extension ObjectStore {
    /// Keeps these bytes. Nothing changes if they are there.
    ///
    /// - Returns: Their name.
    /// - Throws: ``ObjectError``: `noRoom`, or `unavailable` if the disk fails. Nothing is kept then.
    package func put(_ bytes: [UInt8]) async throws(ObjectError) -> ObjectID {
        let id = await Thread.run(name: "object") { ObjectID(of: bytes) }
        if isWhole(id) { return id }
        return try await put(byteCount: bytes.count) { path throws(ObjectError) in
            let file = try BlockingFile(path, for: .create)
            try file.write(bytes, at: 0)
            try file.synchronize()
            return id
        }
    }

    /// Keeps a copy of a file. Nothing changes if it is there.
    ///
    /// - Returns: Its name.
    /// - Throws: ``ObjectError``: `noRoom`, `unavailable` if the disk fails or the file can't be read, `invalid` if it
    ///   is no regular file or changes meanwhile. Nothing is kept then.
    package func put(file: String) async throws(ObjectError) -> ObjectID {
        let byteCount = try await Thread.run(name: "object") { () throws(ObjectError) in
            try BlockingFile(file, for: .read).byteCount()
        }
        return try await put(byteCount: byteCount) { path throws(ObjectError) in
            let copy = try BlockingFile(path, for: .create)
            let id = try BlockingFile(file, for: .read).name { bytes, offset throws(ObjectError) in
                guard offset + bytes.count <= byteCount else {
                    throw ObjectError(.invalid, "\(file) grew while it was read, expected \(byteCount) bytes")
                }
                try copy.write(bytes, at: offset)
            }
            guard try copy.byteCount() == byteCount else {
                throw ObjectError(.invalid, "\(file) shrank while it was read, expected \(byteCount) bytes")
            }
            try copy.synchronize()
            return id
        }
    }

    /// Keeps what `write` makes at a path of its own and names.
    private func put(
        byteCount: Int, _ write: @escaping @Sendable (String) throws(ObjectError) -> ObjectID
    ) async throws(ObjectError) -> ObjectID {
        let path = folder.temporaryFile()
        let (reservation, removed) = try index.reserve(byteCount)
        removeFiles(of: removed)
        defer {
            index.release(reservation)
            folder.remove(path)
        }
        let id = try await Thread.run(name: "object") { () throws(ObjectError) in try write(path) }
        if isWhole(id) { return id }
        try folder.place(path, as: id)
        // Who fetches it meanwhile removes what came of it.
        if index.entries[id]?.user == nil { folder.removePartial(id) }
        index.add(id, byteCount: byteCount, isVerified: true)
        return id
    }
}

// MARK: - Using

extension ObjectStore: ObjectSource {
    /// Keeps a whole object for as long as the pin lives.
    ///
    /// - Returns: The pin, or `nil` if the object isn't there, or not whole.
    /// - Throws: ``ObjectError``: `damaged` if its bytes aren't those of its name, and it is removed; `unavailable` if
    ///   it can't be read.
    package func pin(_ id: ObjectID) async throws(ObjectError) -> ObjectPin? {
        guard let entry = index.entries[id], entry.ranges == nil else { return nil }
        let path = folder.file(of: id)
        let pin = entry.user as? ObjectPin ?? ObjectPin(id: id, path: path, byteCount: entry.byteCount)
        index.use(id, by: pin)
        do throws(ObjectError) {
            return try await entry.isVerified ? touched(pin) : checked(pin)
        } catch  where error.code == .missing {
            // Somebody else than the store removed the file.
            index.remove(id)
            return nil
        }
    }

    private func touched(_ pin: ObjectPin) throws(ObjectError) -> ObjectPin {
        try BlockingFile(pin.path, for: .read).touch()
        return pin
    }

    private func checked(_ pin: ObjectPin) async throws(ObjectError) -> ObjectPin {
        let name = try await Thread.run(name: "object") { () throws(ObjectError) in
            let file = try BlockingFile(pin.path, for: .read)
            file.touch()
            return try file.name()
        }
        guard name == pin.id else {
            // Unless another one who checked it has done so already.
            if index.entries[pin.id]?.user === pin {
                index.remove(pin.id)
                removeFiles(of: [pin.id])
            }
            throw ObjectError(.damaged, "object \(pin.id): its file has the SHA-256 \(name), so it was removed")
        }
        index.verified(pin.id)
        return pin
    }

    /// Reads bytes of an object that is whole, or of which these are there.
    ///
    /// - Throws: ``ObjectError``: `missing` if they aren't there, and as ``pin(_:)``.
    package func read(_ id: ObjectID, _ range: Range<Int>) async throws(ObjectError) -> [UInt8] {
        let pin = try await pin(id)
        guard let (layout, present) = chunks(of: id), range.lowerBound >= 0, range.upperBound <= layout.byteCount,
            layout.chunks(of: range).allSatisfy(present.contains)
        else {
            throw ObjectError(.missing, "object \(id): bytes \(range.lowerBound)..<\(range.upperBound) aren't there")
        }
        let path = pin?.path ?? folder.partialFile(of: id)
        return try await Thread.run(name: "object") { () throws(ObjectError) in
            defer { withExtendedLifetime(pin) {} }
            let bytes = try BlockingFile(path, for: .read).read(range.count, at: range.lowerBound)
            guard bytes.count == range.count else {
                throw ObjectError(.damaged, "object \(id): its file is shorter than its size \(layout.byteCount)")
            }
            return bytes
        }
    }
}
