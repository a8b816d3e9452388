package import MantaCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What two requests to a version must have in common to have the same answer: every byte of their inputs, their shapes,
/// and the outputs wanted. The types are the model's.
///
/// An object, since it is handed on and kept with each request.
package final class CacheKey: Sendable {
    /// One tensor for each input of the model, `nil` for an optional one left out.
    let inputs: [Tensor?]
    /// The indices of the outputs wanted.
    let outputs: [Int]
    /// Computed once; keyed by the process, so that nobody can choose requests that collide.
    let digest: Int

    /// The key of a request with these inputs, in the model's order, that wants these outputs.
    package convenience init(inputs: [Tensor?], outputs: [Int]) {
        self.init(inputs: inputs, outputs: outputs, digest: Self.digest(of: inputs, outputs))
    }

    /// A key whose digest is known.
    init(inputs: [Tensor?], outputs: [Int], digest: Int) {
        (self.inputs, self.outputs, self.digest) = (inputs, outputs, digest)
    }

    static func digest(of inputs: [Tensor?], _ outputs: [Int]) -> Int {
        var digest = KeyedDigest()
        forEachNumber(of: inputs, outputs) { digest.combine($0) }
        for case let input? in inputs { unsafe input.withUnsafeBytes { unsafe digest.combine($0) } }
        return digest.finalize()
    }

    /// All that makes it but the bytes, in numbers: of two keys neither has those of the other as a beginning of its own.
    @inline(__always)
    func forEachNumber(_ body: (Int) -> Void) { Self.forEachNumber(of: inputs, outputs, body) }

    @inline(__always)
    private static func forEachNumber(of inputs: [Tensor?], _ outputs: [Int], _ body: (Int) -> Void) {
        body(outputs.count)
        for output in outputs { body(output) }
        for input in inputs {
            guard let input else {
                body(-1)
                continue
            }
            body(input.shape.rank)
            for size in input.shape.dimensions { body(size) }
            body(input.byteCount)
        }
    }

    /// Whether both ask the same.
    func isSame(as other: CacheKey) -> Bool {
        digest == other.digest && outputs == other.outputs
            && inputs.elementsEqual(other.inputs) { mine, others in
                guard let mine, let others else { return mine == nil && others == nil }
                return mine.shape == others.shape && mine.byteCount == others.byteCount && mine.hasSameBytes(as: others)
            }
    }
}

extension Tensor {
    /// Whether its bytes are those of another of as many.
    func hasSameBytes(as other: Tensor) -> Bool {
        unsafe other.withUnsafeBytes { unsafe hasBytes(of: $0) }
    }

    /// Whether its bytes are those, which are as many.
    func hasBytes(of others: UnsafeRawBufferPointer) -> Bool {
        unsafe withUnsafeBytes { mine in
            guard let mine = mine.baseAddress, let others = others.baseAddress else { return byteCount == 0 }
            return unsafe memcmp(mine, others, byteCount) == 0
        }
    }
}
