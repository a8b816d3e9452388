/// What is told of a response cache. The first three only grow.
package struct CacheSummary: Sendable, Hashable {
    /// Requests that had an answer without a run of their own.
    package let hits: Int
    /// Requests that hadn't, of those that were looked for.
    package let misses: Int
    /// Answers that had to go for others, or since their time was over.
    package let evictions: Int
    /// Answers that are kept.
    package let entries: Int
    /// The bytes that they take.
    package let byteCount: Int
    /// The most bytes that they may take.
    package let maxBytes: Int
    /// Whether only some requests are looked for, since hardly any come back; see `CacheRest`.
    package let isResting: Bool
}
