internal import FoundationEssentials

/// Bytes as text (RFC 4648, section 4).
enum Base64 {
    /// The bytes that a text stands for; `nil` if it isn't Base64.
    static func bytes(of text: String) -> [UInt8]? {
        Data(base64Encoded: text).map { [UInt8]($0) }
    }

    /// The text of bytes.
    static func text(of bytes: UnsafeRawBufferPointer) -> String {
        unsafe Data(bytes).base64EncodedString()
    }

    /// How long the text of so many bytes is.
    static func width(of count: Int) -> Int { (count + 2) / 3 * 4 }
}
