internal import CMantaJSON
internal import MantaCore

/// Walks through a JSON text token by token; nothing is built that the caller doesn't ask for.
///
/// ```swift
/// try json.enterText()
/// while let member = try json.nextMember() {
///     switch member {
///     case "id": id = try json.readString("id", of: .request)
///     default: try json.skipValue()
///     }
/// }
/// ```
@safe struct JSONReader: ~Copyable {
    private let document: JSONDocument
    let bytes: UnsafePointer<UInt8>
    let byteCount: Int
    let tokens: UnsafePointer<UInt32>
    let tokenCount: Int
    /// The token to read next.
    var position = 0

    /// Finds the tokens of a text, which must outlive the reader.
    ///
    /// - Throws: ``ServingError`` if it is empty, isn't UTF-8, or has a string without end or with control characters.
    @unsafe init(_ text: UnsafeBufferPointer<UInt8>) throws(ServingError) {
        document = try unsafe JSONDocument(text)
        unsafe bytes = document.raw.pointee.bytes
        unsafe byteCount = document.raw.pointee.byte_count
        unsafe tokens = document.raw.pointee.tokens
        unsafe tokenCount = document.raw.pointee.token_count
    }

    /// The document, for C.
    var raw: UnsafePointer<manta_json> { unsafe UnsafePointer(document.raw) }

    /// The first byte of the next token, which tells its kind; 0 at the end.
    var byte: UInt8 { unsafe position < tokenCount ? bytes[Int(tokens[position])] : 0 }

    /// The first byte of the token before; 0 at the beginning.
    private var byteBefore: UInt8 { unsafe position > 0 ? bytes[Int(tokens[position - 1])] : 0 }

    /// Enters the object that the text is.
    mutating func enterText() throws(ServingError) {
        guard !enterObject() else { return }
        let found = found(at: 0)
        guard found != "{" else { throw malformed(MANTA_JSON_EXPECTED_NAME, at: tokenCount) }
        throw ServingError(.invalidRequest, "the body: expected a JSON object, found \(found)")
    }

    /// Passes over a `null` if one comes next: clients write it for what they leave out.
    mutating func skipNull() throws(ServingError) -> Bool {
        guard byte == UInt8(ascii: "n") else { return false }
        try skipValue()
        return true
    }

    /// Enters an object if one comes next.
    mutating func enterObject() -> Bool { take(UInt8(ascii: "{")) }

    /// Enters an array if one comes next.
    mutating func enterArray() -> Bool { take(UInt8(ascii: "[")) }

    /// The name of the object's next member, whose value then comes next; `nil` when the object is over.
    mutating func nextMember() throws(ServingError) -> JSONString? {
        let isFirst = byteBefore == UInt8(ascii: "{")
        if take(UInt8(ascii: "}")) { return nil }
        guard isFirst || take(UInt8(ascii: ",")) else { throw malformed(MANTA_JSON_EXPECTED_COMMA_OR_BRACE) }
        guard byte == UInt8(ascii: "\"") else { throw malformed(MANTA_JSON_EXPECTED_NAME) }
        let name = try takeString()
        guard take(UInt8(ascii: ":")) else { throw malformed(MANTA_JSON_EXPECTED_COLON) }
        return name
    }

    /// Whether the array has another element, which then comes next.
    mutating func nextElement() throws(ServingError) -> Bool {
        let isFirst = byteBefore == UInt8(ascii: "[")
        if take(UInt8(ascii: "]")) { return false }
        guard isFirst || take(UInt8(ascii: ",")) else { throw malformed(MANTA_JSON_EXPECTED_COMMA_OR_BRACKET) }
        return true
    }

    /// The string that comes next.
    mutating func takeString() throws(ServingError) -> JSONString {
        let string = unsafe manta_json_read_string(raw, position)
        guard unsafe string.status == MANTA_JSON_OK else { throw malformed(unsafe string.status) }
        position += 1
        return unsafe JSONString(string)
    }

    /// Passes over the value that comes next, and checks it.
    mutating func skipValue() throws(ServingError) {
        let read = unsafe manta_json_skip(raw, position)
        guard read.status == MANTA_JSON_OK else { throw malformed(read.status, at: read.token) }
        position = read.token
    }

    /// Checks that nothing follows.
    func finish() throws(ServingError) {
        guard position == tokenCount, unsafe raw.pointee.hidden_count == 0 else {
            throw ServingError(
                .invalidRequest,
                "malformed JSON at byte \(offset(of: position)): expected the end, found \(found(at: position))")
        }
    }

    private mutating func take(_ wanted: UInt8) -> Bool {
        guard byte == wanted else { return false }
        position += 1
        return true
    }
}
