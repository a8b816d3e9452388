public import MantaCore

/// What requests must have in common to run in one batch.
///
/// The types are the model's, so the key has what can differ: which inputs are there, their dimensions but for the
/// first, and the outputs wanted.
public struct BatchKey: Sendable, Hashable {
    /// For each input its rank and dimensions after the first, -1 for an input left out; then the outputs' indices.
    private let words: [Int]

    /// The key of a request with these inputs, in the model's order, that wants these outputs.
    public init(inputs: [Tensor?], outputs: [Int]) {
        var words: [Int] = []
        words.reserveCapacity(inputs.count * 3 + outputs.count)
        for input in inputs {
            guard let input else {
                words.append(-1)
                continue
            }
            words.append(input.shape.rank)
            words.append(contentsOf: input.shape.dimensions.dropFirst())
        }
        words.append(contentsOf: outputs)
        self.words = words
    }
}
