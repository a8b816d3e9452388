public import MantaCore

/// What requests must have in common to run in one batch.
///
/// The types are the model's, so the key has what can differ: which inputs are there, their dimensions but for the
/// first, and the outputs wanted. A dimension that is padded counts as the size up to which requests share batches.
public struct BatchKey: Sendable, Hashable {
    /// For each input its rank and dimensions after the first, -1 for an input left out; then the outputs' indices.
    private let words: [Int]

    /// The key of a request.
    ///
    /// - Parameters:
    ///   - inputs: Its inputs, in the model's order.
    ///   - outputs: The outputs that it wants.
    ///   - padded: For each input the dimension that is padded, not the first; empty if none is.
    ///   - length: What such a dimension counts as.
    public init(inputs: [Tensor?], outputs: [Int], padded: [Int?] = [], length: Int = 0) {
        var words: [Int] = []
        words.reserveCapacity(inputs.count * 3 + outputs.count)
        for (index, input) in inputs.enumerated() {
            guard let input else {
                words.append(-1)
                continue
            }
            words.append(input.shape.rank)
            words.append(contentsOf: input.shape.dimensions.dropFirst())
            if !padded.isEmpty, let dimension = padded[index] {
                words[words.count - input.shape.rank + dimension] = length
            }
        }
        words.append(contentsOf: outputs)
        self.words = words
    }
}
