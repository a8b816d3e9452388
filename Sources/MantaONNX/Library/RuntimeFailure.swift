internal import CONNXRuntime
internal import MantaCore

/// A status of the runtime other than success.
struct RuntimeFailure: Error, CustomStringConvertible {
    /// The runtime's code, such as 3 for a file that isn't there; 0 for what this part found itself.
    let code: UInt32
    /// The runtime's own text, for the log.
    let description: String

    /// What this part found by itself.
    init(_ message: String) {
        code = 0
        description = message
    }

    /// Copies what the status says and frees it.
    init(taking status: OpaquePointer, api: UnsafePointer<OrtApi>) {
        code = unsafe api.pointee.GetErrorCode(status).rawValue
        description = unsafe api.pointee.GetErrorMessage(status).map { unsafe String(cString: $0) } ?? "no reason given"
        unsafe api.pointee.ReleaseStatus(status)
    }

    /// The text without the noise.
    var summary: String { Self.plainWords(description) }

    /// As an error about the model file at `path`.
    func asLoadError(path: String) -> ServingError {
        let reason =
            switch code {
            case ORT_NO_SUCHFILE.rawValue: "there is no such file"
            case ORT_INVALID_PROTOBUF.rawValue: "it is not an ONNX model, or it is cut off"
            default: summary
            }
        return ServingError(.modelUnavailable, "model file \"\(path)\": \(reason)", cause: self)
    }
}

extension RuntimeFailure {
    /// A message of the runtime without places in its source, names of its functions and conditions in C++.
    static func plainWords(_ message: String) -> String {
        var text = Substring(message)
        if text.hasPrefix("Load model from "), let end = text.firstRange(of: " failed:") {
            text = text[end.upperBound...]
        }
        while let place = sourcePlace(in: text) {
            text = text[..<place.lowerBound] + text[place.upperBound...]
        }
        if text.hasPrefix("Exception during initialization: ") { text = text.dropFirst(33) }
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ").trimmingPrefix(while: \.isWhitespace)
        return failedNode(line) ?? unknownOpset(line) ?? withoutCondition(line)
    }

    /// `Non-zero status code returned while running Gather node. Name:'n' Status Message: …` as `node "n" (Gather): …`.
    private static func failedNode(_ text: Substring) -> String? {
        let (opening, middle, end) = (
            "Non-zero status code returned while running ", " node. Name:'", "' Status Message: "
        )
        guard text.hasPrefix(opening), let middle = text.firstRange(of: middle), let end = text.firstRange(of: end),
            middle.upperBound <= end.lowerBound
        else { return nil }
        let type = text[..<middle.lowerBound].dropFirst(opening.count)
        let name = text[middle.upperBound..<end.lowerBound]
        let node = name.isEmpty ? "a node of type \(type)" : "node \"\(name)\" (\(type))"
        return "\(node): \(withoutCondition(text[end.upperBound...]))"
    }

    /// `n > 0 was false. n is 0` as `n is 0`.
    private static func withoutCondition(_ text: Substring) -> String {
        guard let condition = text.firstRange(of: " was false. "), condition.upperBound < text.endIndex else {
            return String(text)
        }
        return String(text[condition.upperBound...])
    }

    /// The runtime calls any opset newer than its own one that is under development.
    private static func unknownOpset(_ text: Substring) -> String? {
        guard let wanted = number(after: "Opset ", in: text), let known = number(after: "is till opset ", in: text)
        else { return nil }
        return "it needs opset \(wanted), and this ONNX Runtime knows opsets up to \(known); "
            + "export it for an older opset or install a newer ONNX Runtime"
    }

    private static func number(after words: String, in text: Substring) -> Int? {
        guard let found = text.firstRange(of: words) else { return nil }
        return Int(text[found.upperBound...].prefix(while: \.isNumber))
    }

    /// The first place in the runtime's source that `text` names, with the function it is in:
    /// `/src/core/graph/model.cc:180 onnxruntime::Model::Model(onnx::ModelProto&&) [with T = float] `.
    private static func sourcePlace(in text: Substring) -> Range<Substring.Index>? {
        for ending in [".cc:", ".h:", ".cpp:"] {
            guard let found = text.firstRange(of: ending) else { continue }
            let start = text[..<found.lowerBound].lastIndex { $0.isWhitespace || $0 == ":" }
            let digits = text[found.upperBound...].prefix(while: \.isNumber)
            guard !digits.isEmpty else { continue }
            var end = digits.endIndex
            if let open = text[end...].firstIndex(of: "("), let close = closing("(", ")", in: text[open...]) {
                end = text.index(after: close)
                if text[end...].hasPrefix(" const") { end = text.index(end, offsetBy: 6) }
                if text[end...].hasPrefix(" [with"), let bracket = text[end...].firstIndex(of: "["),
                    let close = closing("[", "]", in: text[bracket...])
                {
                    end = text.index(after: close)
                }
            }
            end = text[end...].firstIndex { !$0.isWhitespace } ?? text.endIndex
            return (start.map { text.index(after: $0) } ?? text.startIndex)..<end
        }
        return nil
    }

    /// Where the bracket that `text` begins with is closed.
    private static func closing(_ open: Character, _ close: Character, in text: Substring) -> Substring.Index? {
        var depth = 0
        for index in text.indices {
            if text[index] == open { depth += 1 }
            if text[index] == close { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }
}
