/// What a node has too little of for a replica.
struct Shortage: Sendable, Hashable {
    /// Of what.
    enum Kind: Sendable, Hashable {
        case cpus
        case memory
        case gpus
        case custom(String)
    }

    let kind: Kind
    /// In thousandths, or bytes of memory.
    let needed: Int
    /// What is left, in the same unit; less than what is needed.
    let free: Int

    /// The share of what is needed that is there.
    var covered: Double { Double(free) / Double(needed) }

    /// What is needed, in words: `2 cpus`. Rounded up where it is rounded.
    var needText: String {
        if kind == .memory { return "\(needed.adding(Self.mebibyte - 1) / Self.mebibyte) MiB of memory" }
        return "\(Amount(thousandths: needed)) \(unit(needed))"
    }

    /// What is left, in words: `0.5`. Rounded down where it is rounded.
    var freeText: String { kind == .memory ? "\(free / Self.mebibyte) MiB" : "\(Amount(thousandths: free))" }

    /// What is left, and of what: `0.5 cpus`.
    var freeTextWithUnit: String { kind == .memory ? "\(freeText) of memory" : "\(freeText) \(unit(free))" }

    private func unit(_ thousandths: Int) -> String {
        switch kind {
        case .cpus: thousandths == 1000 ? "cpu" : "cpus"
        case .memory: "bytes"
        case .gpus: thousandths == 1000 ? "gpu" : "gpus"
        case .custom(let name): name.shortened
        }
    }

    private static let mebibyte = 1 << 20
}

extension String {
    /// A name that somebody chose, cut so that a message stays readable.
    var shortened: String { count > 64 ? prefix(63) + "…" : self }
}
