/// A node that has objects, as seen from another one.
package protocol ObjectSource: Sendable {
    /// Reads bytes of an object.
    ///
    /// - Returns: As many bytes as the range has. Whether they are right is checked by whoever asks.
    /// - Throws: Anything, if it can't. It must throw soon after the task was cancelled.
    func read(_ id: ObjectID, _ range: Range<Int>) async throws -> [UInt8]
}

/// An object that was fetched.
package struct FetchedObject: Sendable {
    /// Keeps it.
    package let pin: ObjectPin
    /// How many bytes of it came from which node, those of lost attempts included; empty if it was there already.
    package var pulled: [String: Int] = [:]
    /// Nodes that gave wrong bytes. They aren't asked for this object again.
    package var liars: [String] = []
}
