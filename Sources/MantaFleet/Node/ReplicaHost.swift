/// What a worker hosts replicas with. A protocol so that what workers decide can be simulated without models.
package protocol ReplicaHost: Sendable {
    /// Brings the files of a group here and keeps them. It is hosted from the next ``host(_:)`` on that names it.
    ///
    /// - Parameters:
    ///   - group: The group.
    ///   - holders: Addresses of nodes that have its objects, by the SHA-256 of those.
    /// - Throws: Anything, if it can't; its description says why.
    func prepare(_ group: GroupRecord, from holders: [String: [String]]) async throws

    /// Hosts so many replicas of each of these groups, as far as they are prepared, and forgets all others.
    func host(_ replicas: [String: Int])

    /// How many replicas of a group take batches; and why no more do, if something is known.
    func readiness(of group: String) -> (count: Int, reason: String?)

    /// The objects that are kept, by their SHA-256.
    var objects: [String] { get }
}
