import Crypto

/// The name of an immutable blob: the SHA-256 of its bytes, as 64 lower-case hexadecimal digits.
package struct ObjectID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The digits.
    package let description: String

    /// The name that somebody wrote; `nil` if it isn't one.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 64, text.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
            return nil
        }
        description = String(text)
    }

    /// The name of these bytes.
    package init(of bytes: some Sequence<UInt8>) {
        self.init(SHA256.hash(data: Array(bytes)))
    }

    /// The name of the bytes with this digest.
    init(_ digest: SHA256.Digest) {
        description = digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The order of their digits.
    package static func < (left: ObjectID, right: ObjectID) -> Bool { left.description < right.description }
}
