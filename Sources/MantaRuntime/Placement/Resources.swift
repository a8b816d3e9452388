/// An amount of CPUs, GPUs or something else that is counted, to the thousandth.
///
/// Whole numbers of thousandths, so that taking and giving back a part as often as one likes leaves what was there.
package struct Amount: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The amount times 1000. Below zero when more is taken than there is.
    package let thousandths: Int

    /// Nothing.
    package static let zero = Amount(thousandths: 0)

    /// So many thousandths.
    package init(thousandths: Int) { self.thousandths = thousandths }

    /// So many whole ones; what is too large to count is as much as can be counted.
    package init(_ whole: Int) {
        let (product, overflows) = whole.multipliedReportingOverflow(by: 1000)
        thousandths = overflows ? (whole < 0 ? .min : .max) : product
    }

    /// The nearest amount to a number that somebody wrote; `nil` if it is below zero, no number or too large to count.
    package init?(_ number: Double) {
        guard number >= 0, let thousandths = Int(exactly: (number * 1000).rounded()) else { return nil }
        self.thousandths = thousandths
    }

    /// As people write it: `2`, `0.5`.
    package var description: String {
        let (whole, part) = thousandths.magnitude.quotientAndRemainder(dividingBy: 1000)
        let sign = thousandths < 0 ? "-" : ""
        guard part > 0 else { return "\(sign)\(whole)" }
        var digits = String(part + 1000).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return "\(sign)\(whole).\(digits)"
    }

    /// Whether one is less than the other.
    package static func < (left: Amount, right: Amount) -> Bool { left.thousandths < right.thousandths }

    /// Both together; what is too large to count is as much as can be counted.
    package static func + (left: Amount, right: Amount) -> Amount {
        Amount(thousandths: left.thousandths.adding(right.thousandths))
    }

    /// What is left of the left one; below zero if that is the smaller one.
    package static func - (left: Amount, right: Amount) -> Amount {
        Amount(thousandths: left.thousandths.subtracting(right.thousandths))
    }
}

/// What a replica needs, or a node has.
///
/// ```swift
/// let node = Resources(cpus: Amount(4), memory: 8 << 30)
/// let replica = Resources(cpus: Amount(thousandths: 500), memory: 200 << 20)
/// replica.fits(in: node)  // true
/// ```
package struct Resources: Sendable, Hashable {
    /// CPUs.
    package var cpus: Amount
    /// Memory in bytes.
    package var memory: Int
    /// GPUs.
    package var gpus: Amount
    /// Anything else, by the name that the operator gave it. What isn't named is zero.
    package var custom: [String: Amount]

    /// These amounts.
    package init(cpus: Amount = .zero, memory: Int = 0, gpus: Amount = .zero, custom: [String: Amount] = [:]) {
        (self.cpus, self.memory, self.gpus, self.custom) = (cpus, memory, gpus, custom)
    }

    /// Whether there is so much in `room`. What isn't needed may be short.
    package func fits(in room: Resources) -> Bool {
        (cpus <= .zero || cpus <= room.cpus) && (memory <= 0 || memory <= room.memory)
            && (gpus <= .zero || gpus <= room.gpus)
            && custom.allSatisfy { $0.value <= .zero || $0.value <= room.custom[$0.key] ?? .zero }
    }

    /// Both together.
    package static func + (left: Resources, right: Resources) -> Resources {
        Resources(
            cpus: left.cpus + right.cpus, memory: left.memory.adding(right.memory), gpus: left.gpus + right.gpus,
            custom: left.custom.merging(right.custom, uniquingKeysWith: +))
    }

    /// What is left of the left ones; below zero where the right ones are more.
    package static func - (left: Resources, right: Resources) -> Resources {
        Resources(
            cpus: left.cpus - right.cpus, memory: left.memory.subtracting(right.memory), gpus: left.gpus - right.gpus,
            custom: right.custom.reduce(into: left.custom) { $0[$1.key] = ($0[$1.key] ?? .zero) - $1.value })
    }
}

extension Int {
    /// The sum, or the nearest number there is: what a peer says must not end the process.
    func adding(_ other: Int) -> Int {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? (other < 0 ? .min : .max) : sum
    }

    /// The difference, or the nearest number there is.
    func subtracting(_ other: Int) -> Int {
        let (difference, overflows) = subtractingReportingOverflow(other)
        return overflows ? (other < 0 ? .max : .min) : difference
    }
}
