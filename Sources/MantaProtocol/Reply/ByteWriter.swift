internal import CMantaJSON
internal import MantaCore

/// Writes into memory of a size that was reckoned beforehand.
@safe struct ByteWriter {
    private let target: UnsafeMutableBufferPointer<UInt8>
    /// How many bytes are written.
    private(set) var count = 0

    /// Writes into `target`, which must outlive the writer.
    @unsafe init(_ target: UnsafeMutableBufferPointer<UInt8>) {
        unsafe self.target = target
    }

    /// Where the next byte goes, after a check that `size` bytes fit.
    private func reserve(_ size: Int) -> UnsafeMutablePointer<UInt8> {
        guard let start = unsafe target.baseAddress, unsafe size <= target.count - count else {
            preconditionFailure("a reply of more than the \(unsafe target.count) bytes reckoned for it")
        }
        return unsafe start + count
    }

    /// Writes text as it is.
    mutating func write(_ text: StaticString) {
        let size = text.utf8CodeUnitCount
        unsafe reserve(size).update(from: text.utf8Start, count: size)
        count += size
    }

    /// Writes bytes as they are.
    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        unsafe UnsafeMutableRawPointer(reserve(bytes.count)).copyMemory(from: start, byteCount: bytes.count)
        count += bytes.count
    }

    /// Writes an integer.
    mutating func write(_ number: Int) {
        unsafe withUnsafeBytes(of: Int64(number)) { unsafe writeNumbers($0, .int64, count: 1) }
    }

    /// Writes numbers with commas between them.
    mutating func writeNumbers(_ bytes: UnsafeRawBufferPointer, _ type: DataType, count elements: Int) {
        guard elements > 0, let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
        let target = unsafe reserve(Self.width(of: type) * elements)
        count += unsafe manta_json_write_numbers(type.raw, start, elements, target)
    }

    /// Writes a string with quotes and escapes.
    mutating func writeString(_ text: String) {
        var text = text
        let width = Self.width(of: text)
        text.withUTF8 { unsafe writeString(UnsafeRawBufferPointer($0), width: width) }
    }

    /// Writes a string of UTF-8 with quotes and escapes, which takes at most `width` bytes.
    mutating func writeString(_ text: UnsafeRawBufferPointer, width: Int) {
        let start = unsafe text.baseAddress?.assumingMemoryBound(to: UInt8.self)
        count += unsafe manta_json_write_string(start, text.count, reserve(width))
    }

    /// The most bytes that one number of a type takes, with a comma.
    static func width(of type: DataType) -> Int { manta_json_number_width(type.raw) }

    /// The most bytes that a string takes: six for each of its own if all need escapes.
    static func width(of text: String) -> Int { 6 * text.utf8.count + 2 }

    /// How many bytes a string takes, or `nil` if it isn't UTF-8.
    static func width(of text: UnsafeRawBufferPointer) -> Int? {
        let start = unsafe text.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let width = unsafe manta_json_string_width(start, text.count)
        return width == 0 ? nil : width
    }
}
