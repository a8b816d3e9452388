import MantaCore
import MantaHTTP

extension HTTPRequest {
    /// The model that the path names.
    var modelName: String { parameters["model"] ?? "" }

    /// The version that the path names; `nil` if it names none.
    var modelVersion: Int? {
        get throws(ServingError) {
            guard let text = parameters["version"] else { return nil }
            guard let number = Int(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                throw ServingError(.modelNotFound, "version \"\(text)\": versions are whole numbers from 1 on")
            }
            return number
        }
    }
}

extension HTTPResponse {
    /// A reply with the document that `body` makes, or with its error.
    static func answering<Document: Encodable>(
        _ body: () async throws(ServingError) -> Document
    ) async throws -> HTTPResponse {
        let document: Document
        do throws(ServingError) {
            document = try await body()
        } catch {
            throw error.reply
        }
        return try .json(document)
    }
}
