/// Follows the messages in a stream's bytes: before each stand a byte that says whether it is compressed, and its length in
/// four.
struct MessageFraming {
    /// How large a message may be.
    private let limit: Int
    /// How much of a message's prefix is there, and the length that it has told so far.
    private var prefix = 0
    private var length = 0
    /// How much of a message's own bytes is to come.
    private var rest = 0
    /// Whether the message that began last is compressed.
    private(set) var isCompressed = false

    /// The beginning of a stream whose messages may have this many bytes.
    init(limit: Int) {
        self.limit = limit
    }

    /// Takes what has come.
    ///
    /// - Returns: The size of a message that is too large; `nil` if there is none.
    mutating func read(_ bytes: some RandomAccessCollection<UInt8>) -> Int? {
        var bytes = bytes[...]
        while let first = bytes.first {
            if rest > 0 {
                let count = min(rest, bytes.count)
                rest -= count
                bytes = bytes.dropFirst(count)
                continue
            }
            if prefix == 0 {
                (isCompressed, length) = (first != 0, 0)
            } else {
                length = length << 8 | Int(first)
            }
            prefix += 1
            bytes = bytes.dropFirst()
            if prefix == 5 {
                (prefix, rest) = (0, length)
                if length > limit { return length }
            }
        }
        return nil
    }
}
