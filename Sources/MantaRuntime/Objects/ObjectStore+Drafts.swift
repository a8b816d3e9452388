import Crypto
import MantaThreads

/// Objects that come range by range.
extension ObjectStore {
    /// Begins to fetch an object, or goes on where it ended.
    ///
    /// One draft of an object at a time.
    ///
    /// - Returns: The draft, or `nil` if the object is whole.
    /// - Throws: ``ObjectError``: `noRoom`, or `unavailable` if the disk fails.
    func draft(_ id: ObjectID, byteCount: Int) throws(ObjectError) -> ObjectDraft? {
        if isWhole(id) { return nil }
        let layout = ChunkLayout(byteCount: byteCount, chunkSize: chunkSize)
        if let ranges = index.entries[id]?.ranges, ranges.layout == layout {
            let draft = ObjectDraft(id: id, layout: layout, present: ranges.present)
            index.use(id, by: draft)
            return draft
        }
        index.remove(id)
        removeFiles(of: [id])
        let (reservation, removed) = try index.reserve(byteCount)
        defer { index.release(reservation) }
        removeFiles(of: removed)
        try RangeRecord.create(folder.rangesFile(of: id), layout)
        _ = try BlockingFile(folder.partialFile(of: id), for: .create)
        index.add(id, byteCount: byteCount, ranges: RangeRecord(layout), isVerified: false)
        let draft = ObjectDraft(id: id, layout: layout, present: [])
        index.use(id, by: draft)
        return draft
    }

    /// Keeps one range of it.
    ///
    /// - Returns: The SHA-256 of the range, by which it can be compared later.
    func write(_ bytes: [UInt8], chunk: Int, of draft: ObjectDraft) async throws(ObjectError) -> SHA256.Digest {
        let path = folder.partialFile(of: draft.id)
        let digest = try await Thread.run(name: "object") { () throws(ObjectError) in
            try BlockingFile(path, for: .update).write(bytes, at: draft.layout.range(of: chunk).lowerBound)
            return SHA256.hash(data: bytes)
        }
        // Somebody may have put the whole object meanwhile.
        guard var ranges = index.entries[draft.id]?.ranges else { return digest }
        try ranges.add(chunk, in: folder.rangesFile(of: draft.id))
        index.setRanges(ranges, of: draft.id)
        return digest
    }

    /// Checks an object of which all ranges are there, and makes it whole.
    ///
    /// - Returns: A pin, or `nil` if its bytes aren't those of its name. All of it is forgotten then.
    func complete(_ draft: ObjectDraft) async throws(ObjectError) -> ObjectPin? {
        let path = folder.partialFile(of: draft.id)
        let name = try await Thread.run(name: "object") { () throws(ObjectError) in
            let file = try BlockingFile(path, for: .update)
            try file.synchronize()
            return try file.name()
        }
        if isWhole(draft.id) {
            folder.removePartial(draft.id)
            return try await pin(draft.id)
        }
        guard name == draft.id else {
            forget(draft)
            return nil
        }
        try folder.place(path, as: draft.id)
        folder.removePartial(draft.id)
        index.add(draft.id, byteCount: draft.layout.byteCount, isVerified: true)
        let pin = ObjectPin(
            id: draft.id, path: folder.file(of: draft.id), byteCount: draft.layout.byteCount)
        index.use(draft.id, by: pin)
        return pin
    }

    /// Forgets what came of an object so far.
    func forget(_ draft: ObjectDraft) {
        guard index.entries[draft.id]?.ranges != nil else { return }
        index.remove(draft.id)
        removeFiles(of: [draft.id])
    }
}
