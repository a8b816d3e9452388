internal import CONNXRuntime
internal import MantaCore

/// Makes the runtime's values of tensors.
enum InputValue {
    /// Puts into `value` a value of the tensor, which must outlive it. The caller releases it, even after an error.
    static func make(
        of tensor: Tensor, runtime: Runtime, _ value: inout OpaquePointer?
    ) throws(RuntimeFailure) {
        try unsafe withUnsafeTemporaryAllocation(of: Int64.self, capacity: tensor.shape.rank) {
            sizes throws(RuntimeFailure) in
            for (index, size) in tensor.shape.dimensions.enumerated() {
                unsafe sizes.initializeElement(at: index, to: Int64(size))
            }
            if tensor.dataType == .bytes {
                try unsafe makeStrings(of: tensor, sizes: UnsafeBufferPointer(sizes), runtime: runtime, &value)
                return
            }
            // The memory stays where it is as long as the tensor's buffer lives, so the pointer may leave the closure.
            let bytes = unsafe tensor.withUnsafeBytes { unsafe $0 }
            // The runtime takes a mutable pointer for inputs and outputs alike, but doesn't write to inputs.
            try unsafe runtime.check(
                runtime.api.pointee.CreateTensorWithDataAsOrtValue(
                    runtime.memoryInfo, UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count,
                    sizes.baseAddress, sizes.count, tensor.dataType.elementType, &value))
        }
    }

    /// The runtime keeps texts as C++ strings, so these bytes are copied.
    private static func makeStrings(
        of tensor: Tensor, sizes: UnsafeBufferPointer<Int64>, runtime: Runtime, _ value: inout OpaquePointer?
    ) throws(RuntimeFailure) {
        let api = unsafe runtime.api
        try unsafe runtime.check(
            api.pointee.CreateTensorAsOrtValue(
                runtime.allocator, sizes.baseAddress, sizes.count, tensor.dataType.elementType, &value))
        try unsafe tensor.withUnsafeBytes { bytes throws(RuntimeFailure) in
            guard let ranges = unsafe Tensor.elementRanges(in: bytes, count: tensor.elementCount) else {
                throw RuntimeFailure("the lengths in a BYTES tensor don't fit its shape \(tensor.shape)")
            }
            for (index, range) in ranges.enumerated() {
                var target: UnsafeMutablePointer<CChar>?
                try unsafe runtime.check(
                    api.pointee.GetResizedStringTensorElementBuffer(value, index, range.count, &target))
                guard let target = unsafe target, !range.isEmpty else { continue }
                unsafe UnsafeMutableRawPointer(target).copyMemory(
                    from: bytes.baseAddress! + range.lowerBound, byteCount: range.count)
            }
        }
    }
}

extension Tensor {
    /// The tensor itself, or a copy if its numbers begin at an address that their type can't have.
    ///
    /// That happens with a binary tensor in the middle of a request's body.
    var aligned: Tensor {
        guard let width = dataType.byteWidth, width > 1 else { return self }
        return unsafe withUnsafeBytes { bytes in
            guard UInt(bitPattern: bytes.baseAddress) & UInt(width - 1) != 0 else { return self }
            return unsafe Tensor(dataType, shape: shape, byteCount: bytes.count) { unsafe $0.copyMemory(from: bytes) }
        }
    }
}
