internal import MantaCore

/// The elements of a tensor on their way to JSON without a shape beside them.
struct ElementText {
    /// What becomes of BYTES that text can't hold.
    enum Binary {
        /// An error.
        case refused
        /// `{"b64": "…"}`, where an element isn't UTF-8.
        case ifNeeded
        /// `{"b64": "…"}`, all of them.
        case always
    }

    private let tensor: Tensor
    /// Where each element of BYTES is.
    private let ranges: [Range<Int>]
    private let isBinary: Bool
    /// The most bytes that all elements take, with commas between them.
    let elementCapacity: Int

    /// The elements of an output.
    ///
    /// - Throws: ``ServingError`` if a text can't be written.
    init(_ output: NamedTensor, binary: Binary) throws(ServingError) {
        let tensor = output.tensor
        self.tensor = tensor
        guard tensor.dataType == .bytes else {
            (ranges, isBinary) = ([], false)
            elementCapacity = ByteWriter.width(of: tensor.dataType) * tensor.elementCount
            return
        }
        (ranges, isBinary, elementCapacity) = try unsafe tensor.withUnsafeBytes { bytes throws(ServingError) in
            guard let ranges = unsafe Tensor.elementRanges(in: bytes, count: tensor.elementCount) else {
                throw ServingError(.internal, "output \"\(output.name)\": its bytes don't fit its shape")
            }
            var (capacity, isBinary) = (0, binary == .always)
            for (index, range) in ranges.enumerated() where !isBinary {
                if let width = unsafe ByteWriter.width(of: UnsafeRawBufferPointer(rebasing: bytes[range])) {
                    capacity += width + 1
                } else if binary == .ifNeeded {
                    isBinary = true
                } else {
                    throw ServingError(
                        .invalidRequest,
                        "output \"\(output.name)\": element \(index) isn't UTF-8, so JSON can't hold it; "
                            + "ask for it in binary by infer")
                }
            }
            if isBinary { capacity = ranges.reduce(0) { $0 + Base64.width(of: $1.count) + 11 } }
            return (ranges, isBinary, capacity)
        }
    }

    /// The most bytes that it takes in arrays as its shape says.
    ///
    /// - Throws: ``ServingError`` if a shape without elements would still make endless text.
    func capacity(of name: String) throws(ServingError) -> Int {
        var (arrays, all) = (1, 1)
        for size in tensor.shape.dimensions.dropLast() {
            let (product, overflow) = arrays.multipliedReportingOverflow(by: size)
            guard !overflow, product <= Self.maxArrays - all else {
                throw ServingError(.unsupported, "output \"\(name)\": shape \(tensor.shape) is too much for JSON")
            }
            (arrays, all) = (product, all + product)
        }
        return elementCapacity + 3 * all
    }

    /// The most arrays, each in each other counted.
    private static let maxArrays = 1 << 24

    /// Writes all elements in arrays as the shape says.
    func writeNested(to writer: inout ByteWriter) {
        writeNested(tensor.shape.dimensions[...], from: 0, to: &writer)
    }

    /// Writes one row, which has the shape's sizes but the first.
    func writeRow(_ row: Int, to writer: inout ByteWriter) {
        let sizes = tensor.shape.dimensions.dropFirst()
        writeNested(sizes, from: row * sizes.reduce(1, *), to: &writer)
    }

    private func writeNested(_ sizes: ArraySlice<Int>, from start: Int, to writer: inout ByteWriter) {
        guard let size = sizes.first else { return write(start..<start + 1, to: &writer) }
        writer.write("[")
        if sizes.count == 1 {
            write(start..<start + size, to: &writer)
        } else {
            let inner = sizes.dropFirst()
            let stride = inner.reduce(1, *)
            for index in 0..<size {
                if index > 0 { writer.write(",") }
                writeNested(inner, from: start + index * stride, to: &writer)
            }
        }
        writer.write("]")
    }

    /// Writes elements with commas between them.
    func write(_ elements: Range<Int>, to writer: inout ByteWriter) {
        unsafe tensor.withUnsafeBytes { bytes in
            if let width = tensor.dataType.byteWidth {
                let range = elements.lowerBound * width..<elements.upperBound * width
                unsafe writer.writeNumbers(
                    UnsafeRawBufferPointer(rebasing: bytes[range]), tensor.dataType, count: elements.count)
                return
            }
            for index in elements {
                if index > elements.lowerBound { writer.write(",") }
                let text = unsafe UnsafeRawBufferPointer(rebasing: bytes[ranges[index]])
                if isBinary {
                    writer.write("{\"b64\":\"")
                    writer.writePlain(unsafe Base64.text(of: text))
                    writer.write("\"}")
                } else {
                    unsafe writer.writeString(text, width: ByteWriter.width(of: text) ?? 0)
                }
            }
        }
    }
}

extension ByteWriter {
    /// Writes text that needs no escapes, as it is.
    fileprivate mutating func writePlain(_ text: String) {
        var text = text
        text.withUTF8 { unsafe write(UnsafeRawBufferPointer($0)) }
    }
}
