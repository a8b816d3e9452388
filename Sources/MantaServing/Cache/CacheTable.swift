import MantaTime

/// Values that are found by a digest, within a number of bytes: what was used longest ago goes first. A value without clock
/// or lock.
///
/// To find, keep and evict one takes as long however many there are, but for the chains, which grow now and then.
///
/// ```swift
/// var table = CacheTable<Int>(maxBytes: 100)
/// table.insert(1, digest: 7, byteCount: 60, expires: nil)
/// table.insert(2, digest: 8, byteCount: 60, expires: nil)   // 1 goes
/// ```
struct CacheTable<Value> {
    fileprivate struct Slot {
        var digest: Int
        /// `nil` while it is free.
        var value: Value?
        var byteCount: Int
        var expires: Instant?
        /// The neighbours in the order of use, and the next of the chain or of those that are free; -1 for none.
        var older = -1
        var newer = -1
        var next = -1
    }

    /// The most bytes that all may take together.
    let maxBytes: Int
    /// The bytes that all take together.
    private(set) var byteCount = 0
    /// How many had to go for others, or since their time was over.
    private(set) var evictions = 0
    /// How many there are.
    private(set) var count = 0
    private var slots: [Slot] = []
    /// The first slot of each chain, which is of values whose digests end alike. A power of 2, and at least twice
    /// as many as values, so that whoever finds nothing seldom has to look at a value.
    private var chains = [-1]
    private var free = -1
    private var oldest = -1
    private var newest = -1

    /// An empty table.
    init(maxBytes: Int) { self.maxBytes = maxBytes }

    /// The value of this digest that is the right one, which is now the last used; `nil` if there is none, or its time is
    /// over.
    mutating func value(_ digest: Int, at now: Instant, where isRight: (Value) -> Bool) -> Value? {
        var place = chains[chain(of: digest)]
        while place >= 0 {
            if slots[place].digest == digest, let value = slots[place].value, isRight(value) {
                if let expires = slots[place].expires, expires <= now {
                    evict(place)
                    return nil
                }
                if place != newest {
                    unlink(place)
                    link(place)
                }
                return value
            }
            place = slots[place].next
        }
        return nil
    }

    /// Keeps a value, of which the caller knows that it isn't there.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - digest: By which it is found.
    ///   - size: The bytes that it takes. Nothing happens if they are more than may be.
    ///   - expires: When its time is over.
    mutating func insert(_ value: Value, digest: Int, byteCount size: Int, expires: Instant?) {
        guard size <= maxBytes else { return }
        while byteCount + size > maxBytes { evict(oldest) }
        if count * 2 >= chains.count { grow() }
        let slot = Slot(digest: digest, value: value, byteCount: size, expires: expires)
        let place: Int
        if free >= 0 {
            place = free
            free = slots[place].next
            slots[place] = slot
        } else {
            place = slots.count
            slots.append(slot)
        }
        count += 1
        byteCount += size
        enchain(place)
        link(place)
    }

    /// Forgets everything.
    mutating func removeAll() {
        (slots, chains, free, oldest, newest) = ([], [-1], -1, -1, -1)
        (byteCount, count) = (0, 0)
    }

    private mutating func evict(_ place: Int) {
        evictions += 1
        count -= 1
        byteCount -= slots[place].byteCount
        unlink(place)
        unchain(place)
        slots[place].value = nil
        slots[place].next = free
        free = place
    }

    // MARK: - Chains

    private func chain(of digest: Int) -> Int { digest & (chains.count - 1) }

    private mutating func enchain(_ place: Int) {
        let chain = chain(of: slots[place].digest)
        slots[place].next = chains[chain]
        chains[chain] = place
    }

    private mutating func unchain(_ place: Int) {
        let chain = chain(of: slots[place].digest)
        guard chains[chain] != place else {
            chains[chain] = slots[place].next
            return
        }
        var before = chains[chain]
        while slots[before].next != place { before = slots[before].next }
        slots[before].next = slots[place].next
    }

    /// Makes room for twice as many, so that chains stay short.
    private mutating func grow() {
        chains = Array(repeating: -1, count: chains.count * 2)
        for place in slots.indices where slots[place].value != nil { enchain(place) }
    }

    // MARK: - Order of use

    /// Makes a slot the last used.
    private mutating func link(_ place: Int) {
        slots[place].older = newest
        slots[place].newer = -1
        if newest >= 0 { slots[newest].newer = place } else { oldest = place }
        newest = place
    }

    private mutating func unlink(_ place: Int) {
        let (older, newer) = (slots[place].older, slots[place].newer)
        if older >= 0 { slots[older].newer = newer } else { oldest = newer }
        if newer >= 0 { slots[newer].older = older } else { newest = older }
    }
}

extension CacheTable: Sendable where Value: Sendable {}
extension CacheTable.Slot: Sendable where Value: Sendable {}
