import MantaTime

/// Values by key, within a number of bytes: what was used longest ago goes first. A value without clock or lock.
///
/// ```swift
/// var table = CacheTable<String, Int>(maxBytes: 100)
/// table.insert("a", 1, byteCount: 60, expires: nil)
/// table.insert("b", 2, byteCount: 60, expires: nil)   // "a" goes
/// ```
struct CacheTable<Key: Hashable, Value> {
    fileprivate struct Slot {
        let key: Key
        let value: Value
        let byteCount: Int
        let expires: Instant?
        /// The neighbours in the order of use, -1 for none.
        var older: Int
        var newer: Int
    }

    /// The most bytes that all may take together.
    let maxBytes: Int
    /// The bytes that all take together.
    private(set) var byteCount = 0
    /// How many had to go for others, or since their time was over.
    private(set) var evictions = 0
    private var slots: [Slot?] = []
    private var free: [Int] = []
    private var places: [Key: Int] = [:]
    private var oldest = -1
    private var newest = -1

    /// An empty table.
    init(maxBytes: Int) { self.maxBytes = maxBytes }

    /// How many there are.
    var count: Int { places.count }

    /// The value of a key, which is now the last used; `nil` if there is none, or its time is over.
    mutating func value(of key: Key, at now: @autoclosure () -> Instant) -> Value? {
        guard let place = places[key], let slot = slots[place] else { return nil }
        if let expires = slot.expires, expires <= now() {
            evict(place)
            return nil
        }
        if place != newest {
            unlink(place)
            link(place)
        }
        return slot.value
    }

    /// Keeps a value, in the place of one of the same key.
    ///
    /// - Parameters:
    ///   - key: Its key.
    ///   - value: The value.
    ///   - size: The bytes that it takes, key and all. Nothing happens if they are more than may be.
    ///   - expires: When its time is over.
    mutating func insert(_ key: Key, _ value: Value, byteCount size: Int, expires: Instant?) {
        guard size <= maxBytes else { return }
        if let place = places[key] { remove(place) }
        while byteCount + size > maxBytes { evict(oldest) }
        let slot = Slot(key: key, value: value, byteCount: size, expires: expires, older: -1, newer: -1)
        let place: Int
        if let reused = free.popLast() {
            place = reused
            slots[place] = slot
        } else {
            place = slots.count
            slots.append(slot)
        }
        places[key] = place
        byteCount += size
        link(place)
    }

    /// Forgets everything.
    mutating func removeAll() {
        (slots, free, places) = ([], [], [:])
        (byteCount, oldest, newest) = (0, -1, -1)
    }

    private mutating func evict(_ place: Int) {
        evictions += 1
        remove(place)
    }

    private mutating func remove(_ place: Int) {
        guard let slot = slots[place] else { return }
        unlink(place)
        places[slot.key] = nil
        slots[place] = nil
        free.append(place)
        byteCount -= slot.byteCount
    }

    /// Makes a slot the last used.
    private mutating func link(_ place: Int) {
        slots[place]?.older = newest
        slots[place]?.newer = -1
        if newest >= 0 { slots[newest]?.newer = place } else { oldest = place }
        newest = place
    }

    private mutating func unlink(_ place: Int) {
        guard let slot = slots[place] else { return }
        if slot.older >= 0 { slots[slot.older]?.newer = slot.newer } else { oldest = slot.newer }
        if slot.newer >= 0 { slots[slot.newer]?.older = slot.older } else { newest = slot.older }
    }
}

extension CacheTable: Sendable where Key: Sendable, Value: Sendable {}
extension CacheTable.Slot: Sendable where Key: Sendable, Value: Sendable {}
