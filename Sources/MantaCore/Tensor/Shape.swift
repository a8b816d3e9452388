/// The dimensions of a tensor, outermost first. No dimensions make a scalar.
public struct Shape: Sendable, Hashable, ExpressibleByArrayLiteral, CustomStringConvertible {
    /// One size for each dimension. At least 0 in a tensor; -1 in a signature means any size.
    public var dimensions: [Int]

    /// A shape of these sizes.
    public init(_ dimensions: [Int]) {
        self.dimensions = dimensions
    }

    /// A shape of these sizes.
    public init(arrayLiteral elements: Int...) {
        dimensions = elements
    }

    /// How many dimensions there are; 0 for a scalar.
    public var rank: Int { dimensions.count }

    /// How many elements a tensor of this shape has, or `nil` if a size is negative or the product overflows.
    ///
    /// A shape with a zero in it has no elements, whatever the other sizes are.
    public var elementCount: Int? {
        var product = 1
        var overflowed = false
        var isEmpty = false
        for size in dimensions {
            guard size >= 0 else { return nil }
            if size == 0 { isEmpty = true }
            let (next, overflow) = product.multipliedReportingOverflow(by: size)
            overflowed = overflowed || overflow
            product = overflow ? 1 : next
        }
        if isEmpty { return 0 }
        return overflowed ? nil : product
    }

    /// Whether a tensor of shape `other` fits this shape of a signature, in which -1 stands for any size.
    public func admits(_ other: Shape) -> Bool {
        guard rank == other.rank else { return false }
        for (wanted, found) in zip(dimensions, other.dimensions) where wanted != -1 && wanted != found {
            return false
        }
        return true
    }

    /// As in JSON: `[-1, 64]`.
    public var description: String {
        "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
    }
}
