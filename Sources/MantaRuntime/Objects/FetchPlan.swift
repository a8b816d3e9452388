package import MantaTime

/// Which ranges of an object are still to be pulled, and when to give up. A value.
package struct FetchPlan {
    /// What to do next.
    package enum Step: Equatable {
        /// Pull this range from that node.
        case pull(chunk: Int, from: String)
        /// Wait until a pull has ended.
        case waitForPull
        /// Wait until a pull has ended, or that time: whoever has what is missing has failed.
        case rest(until: Instant)
        /// Everything is there.
        case done
        /// It can't be had.
        case failed(ObjectError)
    }

    /// So many ranges are pulled at once.
    static let parallel = 8
    /// So often pulls of one range may fail, beside once at each node that has it.
    static let patience = 4

    package let id: ObjectID
    /// The one node that may be asked, or `nil` for all.
    let only: String?
    /// In the order in which they are pulled, from the end. A random one: nodes that fetch the same object at once have
    /// different ranges to give each other then.
    private var missing: [Int]
    private var underWay: [Int: String] = [:]
    private var failures: [Int: Int] = [:]
    private var lastFailure = ""

    package init(
        _ id: ObjectID, _ layout: ChunkLayout, present: Set<Int>, only: String? = nil,
        using random: inout some RandomNumberGenerator
    ) {
        (self.id, self.only) = (id, only)
        missing = (0..<layout.count).filter { !present.contains($0) }.shuffled(using: &random)
    }

    /// Decides what to do next. A pull counts as begun.
    package mutating func next(
        from directory: inout ObjectDirectory<some RandomNumberGenerator & Sendable>, at now: Instant
    ) -> Step {
        if missing.isEmpty { return underWay.isEmpty ? .done : .waitForPull }
        guard underWay.count < Self.parallel else { return .waitForPull }
        var earliest: Instant?
        for place in missing.indices.reversed() {
            switch directory.choose(for: id, chunk: missing[place], only: only, at: now) {
            case .pull(let holder):
                let chunk = missing.remove(at: place)
                underWay[chunk] = holder
                return .pull(chunk: chunk, from: holder)
            case .wait(let until): earliest = min(earliest ?? until, until)
            case .nobody: break
            }
        }
        if let earliest { return .rest(until: earliest) }
        guard underWay.isEmpty else { return .waitForPull }
        let reason = lastFailure.isEmpty ? "" : "; \(lastFailure)"
        return .failed(
            ObjectError(.missing, "object \(id): no node has the \(missing.count) ranges that are missing\(reason)"))
    }

    /// A range is there.
    package mutating func pulled(_ chunk: Int) { underWay[chunk] = nil }

    /// A pull has failed.
    ///
    /// - Returns: Why the fetch is given up; `nil` while it isn't.
    package mutating func failed(_ chunk: Int, _ reason: String, holders: Int) -> ObjectError? {
        let holder = underWay.removeValue(forKey: chunk) ?? "nobody"
        missing.append(chunk)
        failures[chunk, default: 0] += 1
        lastFailure = "node \(holder.shortened): \(reason.prefix(300))"
        guard let count = failures[chunk], count >= holders + Self.patience else { return nil }
        return ObjectError(.unavailable, "object \(id): a range failed \(count) times, the last: \(lastFailure)")
    }
}
