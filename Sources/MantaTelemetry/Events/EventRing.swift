/// The last so many events, and what comes next for a reader who has seen some.
///
/// All readers read the same ring, each at its own place, so a reader costs no memory and a slow one delays nobody.
struct EventRing {
    /// What a reader gets.
    enum Next: Equatable {
        case event(Event)
        /// The reader was slower than the ring: so many events before and including `last` are gone.
        case missed(count: UInt64, last: UInt64)
        /// The reader has seen all there is.
        case nothing
    }

    private var events: [Event] = []
    private let capacity: Int
    /// The id of the newest event; 0 before the first.
    private(set) var last: UInt64 = 0

    init(capacity: Int) {
        precondition(capacity > 0)
        self.capacity = capacity
    }

    /// The id of the oldest event that is kept, if any is.
    private var oldest: UInt64 { last - UInt64(events.count) + 1 }

    /// Keeps an event under the next id, in the place of the oldest if there is no room.
    mutating func append(_ make: (_ id: UInt64) -> Event) -> Event {
        last += 1
        let event = make(last)
        if events.count < capacity { events.append(event) } else { events[slot(of: last)] = event }
        return event
    }

    /// What follows the event of this id, which is at most the last one's.
    func next(after seen: UInt64) -> Next {
        if seen >= last { return .nothing }
        if seen + 1 < oldest { return .missed(count: oldest - 1 - seen, last: oldest - 1) }
        return .event(events[slot(of: seen + 1)])
    }

    /// All that are kept and follow the event of this id, oldest first.
    func all(after seen: UInt64?) -> [Event] {
        let first = max(place(of: seen) + 1, oldest)
        return first > last ? [] : (first...last).map { events[slot(of: $0)] }
    }

    /// The id behind which a reader goes on who has seen this one: with `nil`, the one before the oldest that is kept. An
    /// id beyond the last is of an earlier process, whose events are gone, and counts as `nil`.
    func place(of seen: UInt64?) -> UInt64 {
        guard let seen, seen <= last else { return oldest - 1 }
        return seen
    }

    private func slot(of id: UInt64) -> Int { Int((id - 1) % UInt64(capacity)) }
}
