internal import CMantaMemory
internal import CONNXRuntime
internal import MantaCore

/// Runs a session: tensors in, tensors out, neither copied.
struct Runner: Sendable {
    let session: Session
    let inputNames: CStrings
    let outputNames: CStrings

    private var runtime: Runtime { session.runtime }

    /// Runs the model once on the calling thread.
    func run(_ inputs: [Tensor?], outputs: [Int]) throws(RuntimeFailure) -> [Tensor] {
        let options = unsafe session.memoryReturn?.optionsOfNextRun()
        return try unsafe run(inputs, outputs: outputs, options: options)
    }

    /// Gives what the arena doesn't use back to the system.
    ///
    /// - Parameter inputs: Of the right types and shapes. Their values don't matter.
    func giveBackMemory(_ inputs: [Tensor?]) {
        guard let options = unsafe session.memoryReturn?.insteadOfRun else { return }
        // It is meant to be ended.
        _ = try? unsafe run(inputs, outputs: [0], options: options)
        manta_give_back_freed_memory()
    }

    private func run(
        _ inputs: [Tensor?], outputs: [Int], options: OpaquePointer?
    ) throws(RuntimeFailure) -> [Tensor] {
        let capacity = inputs.count + outputs.count
        return try unsafe withUnsafeTemporaryAllocation(of: OpaquePointer?.self, capacity: capacity) {
            values throws(RuntimeFailure) in
            try unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: capacity) {
                names throws(RuntimeFailure) in
                try unsafe run(inputs, outputs: outputs, options: options, values: values, names: names)
            }
        }
    }

    /// Runs with room for the values and names of all inputs, then of all outputs.
    private func run(
        _ inputs: [Tensor?], outputs: [Int], options: OpaquePointer?,
        values: UnsafeMutableBufferPointer<OpaquePointer?>,
        names: UnsafeMutableBufferPointer<UnsafePointer<CChar>?>
    ) throws(RuntimeFailure) -> [Tensor] {
        let api = unsafe runtime.api
        unsafe values.initialize(repeating: nil)
        // Whatever is still here at the end has no other owner.
        defer {
            for index in values.indices where unsafe values[index] != nil {
                unsafe api.pointee.ReleaseValue(values[index])
            }
        }

        var given: [Tensor] = []
        given.reserveCapacity(inputs.count)
        defer { withExtendedLifetime(given) {} }
        for (index, input) in inputs.enumerated() {
            guard let input = input?.aligned else { continue }
            let position = given.count
            // Kept until the end: the value made of it refers to its memory.
            given.append(input)
            unsafe names[position] = inputNames.pointers[index]
            try unsafe InputValue.make(of: input, runtime: runtime, &values[position])
        }
        for (position, index) in outputs.enumerated() {
            unsafe names[given.count + position] = outputNames.pointers[index]
        }
        guard let allValues = values.baseAddress, let allNames = names.baseAddress else { return [] }
        try unsafe runtime.check(
            api.pointee.Run(
                session.raw, options, allNames, allValues, given.count, allNames + given.count,
                outputs.count, allValues + given.count))

        var results: [Tensor] = []
        results.reserveCapacity(outputs.count)
        for position in given.count..<given.count + outputs.count {
            guard let value = unsafe values[position] else { throw RuntimeFailure("an output has no value") }
            unsafe values[position] = nil
            try results.append(unsafe OutputValue(taking: value, session: session).tensor(inputs: given))
        }
        return results
    }
}
