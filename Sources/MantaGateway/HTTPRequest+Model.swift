import MantaCore
import MantaHTTP

extension HTTPRequest {
    /// The model that the path names.
    var modelName: String { parameters["model"] ?? "" }

    /// The version that the path names; `nil` if it names none.
    var modelVersion: Int? {
        get throws(ServingError) {
            guard let text = parameters["version"] else { return nil }
            return try ModelVersion.number(text)
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
