/// What an object store keeps, how much of its room that takes, and what goes first when more is needed.
///
/// Whether something is used is told by whether its user lives: an index holds users weakly, so that nothing can be
/// forgotten to be given back.
struct ObjectIndex {
    /// What is kept of an object.
    struct Entry {
        /// How much room it takes, or will once it is whole.
        let byteCount: Int
        /// What is there of it; `nil` if all is.
        var ranges: RangeRecord?
        /// Whether this process has seen that its bytes are those of its name.
        var isVerified: Bool
        /// Grows from use to use.
        var used: Int
        /// Keeps it from being removed while it lives.
        weak var user: AnyObject?
    }

    /// How many bytes there may be.
    let limit: Int
    private(set) var entries: [ObjectID: Entry] = [:]
    /// Room that is held free for what is being written.
    private var reservations: [Int: Int] = [:]
    private var clock = 0

    init(limit: Int) { self.limit = limit }

    /// The room that is taken.
    var byteCount: Int {
        entries.values.reduce(0) { $0.adding($1.byteCount) }.adding(reservations.values.reduce(0) { $0.adding($1) })
    }

    /// Makes room for so many bytes and holds it free.
    ///
    /// - Returns: What to give back, and the objects that had to go. They are no longer in the index.
    /// - Throws: ``ObjectError`` if there can't be so much room; nothing has to go then.
    mutating func reserve(_ byteCount: Int) throws(ObjectError) -> (reservation: Int, removed: [ObjectID]) {
        let removable = entries.values.filter { $0.user == nil }.reduce(0) { $0.adding($1.byteCount) }
        let taken = self.byteCount
        guard byteCount <= limit else {
            throw ObjectError(
                .noRoom, "an object of \(byteCount) bytes was to be kept, the store holds at most \(limit)")
        }
        guard byteCount <= limit.subtracting(taken).adding(removable) else {
            throw ObjectError(
                .noRoom,
                "an object of \(byteCount) bytes was to be kept; of \(limit) bytes, \(taken - removable) are in use")
        }
        let removed = removeLeastUsed(until: limit - byteCount)
        clock += 1
        reservations[clock] = byteCount
        return (clock, removed)
    }

    /// Gives room back that was held free.
    mutating func release(_ reservation: Int) { reservations[reservation] = nil }

    /// Removes what wasn't used for longest, and isn't used, until no more than so much room is taken.
    ///
    /// - Returns: What was removed.
    mutating func removeLeastUsed(until most: Int) -> [ObjectID] {
        var taken = byteCount
        guard taken > most else { return [] }
        var removed: [ObjectID] = []
        for (id, entry) in entries.sorted(by: { $0.value.used < $1.value.used }) where entry.user == nil {
            guard taken > most else { break }
            taken -= entry.byteCount
            entries[id] = nil
            removed.append(id)
        }
        return removed
    }

    /// Adds an object, which is the latest used.
    mutating func add(_ id: ObjectID, byteCount: Int, ranges: RangeRecord? = nil, isVerified: Bool) {
        clock += 1
        entries[id] = Entry(byteCount: byteCount, ranges: ranges, isVerified: isVerified, used: clock)
    }

    mutating func remove(_ id: ObjectID) { entries[id] = nil }

    /// Somebody uses an object from now on.
    mutating func use(_ id: ObjectID, by user: AnyObject) {
        clock += 1
        entries[id]?.used = clock
        entries[id]?.user = user
    }

    mutating func verified(_ id: ObjectID) { entries[id]?.isVerified = true }

    mutating func setRanges(_ ranges: RangeRecord?, of id: ObjectID) { entries[id]?.ranges = ranges }
}
