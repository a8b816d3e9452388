internal import CMantaJSON
internal import MantaCore

/// What is wrong with JSON text, in words.
enum JSONFault {
    /// What should have been there.
    static func expectation(_ status: manta_json_status) -> String {
        switch status {
        case MANTA_JSON_EXPECTED_NAME: "a member's name in quotes"
        case MANTA_JSON_EXPECTED_COLON: "\":\""
        case MANTA_JSON_EXPECTED_COMMA_OR_BRACE: "\",\" or \"}\""
        case MANTA_JSON_EXPECTED_COMMA_OR_BRACKET: "\",\" or \"]\""
        default: "a value"
        }
    }

    /// The beginning of a text: a bracket or comma alone, a string up to its end, else all up to the next of them.
    static func excerpt(_ text: UnsafeBufferPointer<UInt8>) -> String {
        let longest = 32
        var end = 0
        if unsafe text[0] == UInt8(ascii: "\"") {
            end = 1
            while end < text.count, unsafe text[end] != UInt8(ascii: "\"") {
                end += unsafe text[end] == UInt8(ascii: "\\") ? 2 : 1
            }
            end = min(end + 1, text.count)
        } else {
            while end < text.count, unsafe !" \n\r\t,:[]{}".utf8.contains(text[end]) { end += 1 }
            end = max(end, 1)
        }
        if end <= longest { return unsafe String(decoding: text[..<end], as: UTF8.self) }
        end = longest
        // Not within a character.
        while unsafe end > 0 && text[end] & 0xC0 == 0x80 { end -= 1 }
        return unsafe String(decoding: text[..<end], as: UTF8.self) + "…"
    }

    /// An error about a text whose tokens can't even be told apart.
    static func inText(_ status: manta_json_status, _ text: UnsafeBufferPointer<UInt8>) -> ServingError {
        switch status {
        case MANTA_JSON_EMPTY:
            ServingError(.invalidRequest, "the body is empty: expected a JSON object")
        case MANTA_JSON_NOT_UTF8:
            ServingError(.invalidRequest, "malformed JSON at byte \(unsafe firstInvalid(in: text)): not UTF-8")
        case MANTA_JSON_CONTROL_CHARACTER, MANTA_JSON_UNCLOSED_STRING:
            unsafe inString(text)
        case MANTA_JSON_TOO_LARGE:
            ServingError(.invalidRequest, "\(text.count) bytes of JSON are too many: expected less than 4 GiB")
        default:
            ServingError(.internal, "out of memory for \(text.count) bytes of JSON")
        }
    }

    /// The first byte that isn't part of a character.
    private static func firstInvalid(in text: UnsafeBufferPointer<UInt8>) -> Int {
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = unsafe text.makeIterator()
        var offset = 0
        while case .valid(let character) = unsafe parser.parseScalar(from: &iterator) { offset += character.count }
        return offset
    }

    /// The first string with a control character in it or without an end.
    private static func inString(_ text: UnsafeBufferPointer<UInt8>) -> ServingError {
        var start: Int?
        var offset = 0
        while offset < text.count {
            let byte = unsafe text[offset]
            if start != nil, byte < 0x20 {
                let code = String(byte, radix: 16)
                return ServingError(
                    .invalidRequest,
                    "malformed JSON at byte \(offset): a control character in a string, which needs an escape: "
                        + "\\u" + String(repeating: "0", count: 4 - code.count) + code)
            }
            if byte == UInt8(ascii: "\"") { start = start == nil ? offset : nil }
            offset += start != nil && byte == UInt8(ascii: "\\") ? 2 : 1
        }
        return ServingError(.invalidRequest, "malformed JSON at byte \(start ?? 0): a string without its closing quote")
    }
}
