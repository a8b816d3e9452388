internal import CMantaJSON
internal import MantaCore

extension JSONReader {
    /// Where a token begins in the text.
    func offset(of token: Int) -> Int {
        unsafe token < tokenCount + raw.pointee.hidden_count ? Int(tokens[token]) : byteCount
    }

    /// An error about text that isn't JSON.
    func malformed(_ status: manta_json_status, at token: Int? = nil) -> ServingError {
        let token = token ?? position
        // The last token doesn't count unless it closes the object.
        guard token < tokenCount else {
            return ServingError(
                .invalidRequest, "malformed JSON at byte \(byteCount): the text ends before its object is closed")
        }
        let place = "malformed JSON at byte \(offset(of: token))"
        let reason =
            switch status {
            case MANTA_JSON_BAD_NUMBER: "\(found(at: token)) isn't a number in JSON"
            case MANTA_JSON_BAD_ESCAPE: "the string \(found(at: token)) has an escape that JSON doesn't have"
            case MANTA_JSON_TOO_DEEP: "nested more than \(MANTA_JSON_MAX_DEPTH) deep"
            default: "expected \(JSONFault.expectation(status)), found \(found(at: token))"
            }
        return ServingError(.invalidRequest, "\(place): \(reason)")
    }

    /// An error about the value that comes next, which isn't what `name` takes or isn't JSON at all.
    func unexpected(_ name: some CustomStringConvertible, _ expected: String, _ place: Place) -> ServingError {
        let read = unsafe manta_json_skip(raw, position)
        guard read.status == MANTA_JSON_OK else { return malformed(read.status, at: read.token) }
        return place.error("\(name): expected \(expected), found \(found(at: position))")
    }

    /// A token as messages show it, cut if it is long.
    func found(at token: Int) -> String {
        let start = offset(of: token)
        guard start < byteCount else { return "the end" }
        let text = unsafe UnsafeBufferPointer(start: bytes + start, count: byteCount - start)
        return unsafe JSONFault.excerpt(text)
    }
}
