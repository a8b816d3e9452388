/// Where workers come from: starts and stops them.
///
/// It has workers 0 to N - 1, and is asked for another N. Of many the last ones go.
///
/// ```swift
/// let count = try await provider.count()
/// try await provider.setCount(count + 1, from: count)
/// ```
package protocol NodeProvider: Sendable {
    /// What is asked: it stands in logs.
    var name: String { get }

    /// How many workers were asked for, by whomever.
    func count() async throws(NodeProviderError) -> Int

    /// Asks for another number of workers.
    ///
    /// - Parameters:
    ///   - count: How many there are to be. Those that go are told to drain, which isn't waited for.
    ///   - former: How many were asked for so far.
    /// - Throws: ``NodeProviderError``, also if `former` isn't right any more. Nothing has changed then.
    func setCount(_ count: Int, from former: Int) async throws(NodeProviderError)

    /// The number of a worker that has joined; `nil` if it isn't one of these.
    func number(of worker: NodeRecord) -> Int?
}

/// Why workers couldn't be started or stopped.
package struct NodeProviderError: Error, Hashable, CustomStringConvertible {
    /// In words, for an operator.
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
