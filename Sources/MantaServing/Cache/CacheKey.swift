import MantaCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What two requests to a version must have in common to have the same answer: every byte of their inputs, their shapes,
/// and the outputs wanted. The types are the model's.
struct CacheKey: Sendable, Hashable {
    /// One tensor for each input of the model, `nil` for an optional one left out.
    let inputs: [Tensor?]
    /// The indices of the outputs wanted.
    let outputs: [Int]
    /// Computed once; seeded by the process, so that nobody can choose requests that collide.
    private let digest: Int

    /// The key of a request with these inputs, in the model's order, that wants these outputs.
    init(inputs: [Tensor?], outputs: [Int]) {
        var hasher = Hasher()
        for input in inputs {
            guard let input else {
                hasher.combine(-1)
                continue
            }
            for size in input.shape.dimensions { hasher.combine(size) }
            unsafe input.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        }
        for output in outputs { hasher.combine(output) }
        self.init(inputs: inputs, outputs: outputs, digest: hasher.finalize())
    }

    /// A key whose digest is given, as one that collides has it.
    init(inputs: [Tensor?], outputs: [Int], digest: Int) {
        (self.inputs, self.outputs, self.digest) = (inputs, outputs, digest)
    }

    /// The same key of tensors elsewhere.
    func moved(to inputs: [Tensor?]) -> CacheKey { CacheKey(inputs: inputs, outputs: outputs, digest: digest) }

    static func == (left: CacheKey, right: CacheKey) -> Bool {
        left.digest == right.digest && left.outputs == right.outputs
            && left.inputs.elementsEqual(right.inputs) { left, right in
                guard let left, let right else { return left == nil && right == nil }
                return left.hasSameElements(as: right)
            }
    }

    func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}

extension Tensor {
    /// Whether shape and bytes are those of a tensor of the same type.
    fileprivate func hasSameElements(as other: Tensor) -> Bool {
        guard shape == other.shape, byteCount == other.byteCount else { return false }
        return unsafe withUnsafeBytes { mine in
            unsafe other.withUnsafeBytes { others in
                guard let mine = mine.baseAddress, let others = others.baseAddress else { return byteCount == 0 }
                return unsafe memcmp(mine, others, byteCount) == 0
            }
        }
    }
}
