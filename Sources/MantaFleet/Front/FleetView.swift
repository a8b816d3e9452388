package import MantaTime

/// What a front knows of its fleet.
package struct FleetView: Sendable {
    /// The id of this node.
    package let node: String
    /// The id of the one that leads; `nil` if none is known.
    package let leader: String?
    /// Since when the store is silent, if it is.
    package let staleSince: Instant?
    /// What the store said last.
    package let state: FleetState
}
