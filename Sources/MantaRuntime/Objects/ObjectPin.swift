/// A whole object that is used: its file stays for as long as this lives.
package final class ObjectPin: Sendable {
    /// Its name.
    package let id: ObjectID
    /// Its file. Never written to; whoever maps it into memory may let the pin go and keep the map.
    package let path: String
    /// Its size.
    package let byteCount: Int

    init(id: ObjectID, path: String, byteCount: Int) {
        (self.id, self.path, self.byteCount) = (id, path, byteCount)
    }
}

/// An object that is being fetched: what there is of it stays for as long as this lives.
final class ObjectDraft: Sendable {
    let id: ObjectID
    let layout: ChunkLayout
    /// The ranges that were there when it was opened.
    let present: Set<Int>

    init(id: ObjectID, layout: ChunkLayout, present: Set<Int>) {
        (self.id, self.layout, self.present) = (id, layout, present)
    }
}
