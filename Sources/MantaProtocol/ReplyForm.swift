internal import MantaCore

/// The form that a request wants its outputs in: JSON or binary, each.
package struct ReplyForm: Sendable, Hashable {
    /// What outputs are in that the request says nothing of.
    var binaryByDefault: Bool
    /// The outputs of which it says something: few, so a list is faster than a dictionary.
    private var choices: [Choice] = []

    private struct Choice: Hashable {
        let output: String
        let isBinary: Bool
    }

    /// All outputs in JSON.
    package init() {
        binaryByDefault = false
    }

    /// All outputs in binary, or all in JSON.
    package init(binary: Bool) {
        binaryByDefault = binary
    }

    /// Whether an output goes behind the JSON. One that is in shared memory isn't in the reply at all.
    func isBinary(_ output: NamedTensor) -> Bool {
        guard output.slice == nil else { return false }
        return choices.first { $0.output == output.name }?.isBinary ?? binaryByDefault
    }

    /// Says in which form one output is wanted.
    mutating func choose(_ output: String, binary: Bool) {
        choices.append(Choice(output: output, isBinary: binary))
    }
}
