import FoundationEssentials

/// A JSON value whose form nobody knows beforehand: a setting, or an element of a tensor.
package enum JSONValue: Decodable, Sendable, Hashable {
    case null
    case flag(Bool)
    case integer(Int64)
    case natural(UInt64)
    case number(Double)
    case string(String)
    case list([JSONValue])
    case object([String: JSONValue])

    package init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        // Numbers first: of tensors there are many, and each try that fails takes its time.
        if let number = try? value.decode(Double.self) {
            // Beyond this not every whole number is one of these.
            let isExact = number.magnitude < 9_007_199_254_740_992 || number != number.rounded()
            if isExact {
                self = .number(number)
            } else if let integer = try? value.decode(Int64.self) {
                self = .integer(integer)
            } else if let natural = try? value.decode(UInt64.self) {
                self = .natural(natural)
            } else {
                self = .number(number)
            }
        } else if let string = try? value.decode(String.self) {
            self = .string(string)
        } else if let flag = try? value.decode(Bool.self) {
            self = .flag(flag)
        } else if let list = try? value.decode([JSONValue].self) {
            self = .list(list)
        } else if value.decodeNil() {
            self = .null
        } else {
            self = .object(try value.decode([String: JSONValue].self))
        }
    }

    /// The value as a person would write it on one line.
    var text: String {
        switch self {
        case .null: "null"
        case .flag(let flag): "\(flag)"
        case .integer(let integer): "\(integer)"
        case .natural(let natural): "\(natural)"
        case .number(let number): number == number.rounded() && abs(number) < 1e15 ? "\(Int64(number))" : "\(number)"
        case .string(let string): string
        case .list(let list): "[\(list.map(\.text).joined(separator: ", "))]"
        case .object(let object):
            "{\(object.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.text)" }.joined(separator: ", "))}"
        }
    }

    /// Each value within objects with the keys that lead to it: `batching.max_batch_size`, 64.
    func leaves(under key: String = "") -> [(key: String, value: JSONValue)] {
        guard case .object(let object) = self else { return [(key, self)] }
        return object.sorted { $0.key < $1.key }.flatMap { name, value in
            value.leaves(under: key.isEmpty ? name : "\(key).\(name)")
        }
    }
}

extension Decodable {
    /// Reads a document of the server. Keys that aren't known are passed over, since servers learn new ones.
    ///
    /// - Throws: ``ClientError`` if it isn't such a document.
    static func read(_ reply: ServerReply, from url: ServerURL) throws(ClientError) -> Self {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(Self.self, from: Data(reply.body))
        } catch {
            throw ClientError(
                .data, "\(url) answers with something else than expected (\(fault(error))); is it a Manta?")
        }
    }

    private static func fault(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            "no \"\(key.stringValue)\" \(place(context))"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            "another type \(place(context))"
        default: "not JSON"
        }
    }

    private static func place(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        return path.isEmpty ? "at its top" : "in \(path)"
    }
}
