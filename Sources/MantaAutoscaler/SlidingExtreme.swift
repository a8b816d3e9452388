import MantaTime

/// The largest, or smallest, of the values of the last while.
///
/// Keeps only values that can still become the answer, so never more than there are different ones.
struct SlidingExtreme: Sendable {
    private var entries: [(at: Instant, value: Int)] = []
    private var since: Instant?
    private let period: Duration
    private let outdoes: @Sendable (Int, Int) -> Bool

    /// - Parameters:
    ///   - period: How long a while is.
    ///   - outdoes: `>` for the largest, `<` for the smallest.
    init(over period: Duration, by outdoes: @escaping @Sendable (Int, Int) -> Bool) {
        self.period = period
        self.outdoes = outdoes
    }

    /// A value that holds from now on, until the next one.
    mutating func add(_ value: Int, at now: Instant) {
        since = since ?? now
        while let last = entries.last, !outdoes(last.value, value) { entries.removeLast() }
        entries.append((now, value))
        entries.removeFirst(entries.firstIndex { $0.at >= now - period } ?? 0)
    }

    /// The extreme of a whole period that ends now; `nil` until one has passed.
    func value(at now: Instant) -> Int? {
        guard let since, now - since >= period else { return nil }
        return entries.first?.value
    }
}
