import Foundation
import MantaTestKit

/// What operators ask a running server, over one kept connection. It blocks, so use it within `onThread`.
final class AdminClient {
    private let client: SocketClient

    init(_ server: ServerProcess) throws {
        client = try SocketClient(port: server.adminPort)
    }

    /// Sends a request, with a body of JSON if there is one.
    func reply(
        _ method: String, _ path: String, _ body: String? = nil, headers: [String] = []
    ) throws -> SocketClient.Reply {
        let type = body == nil ? [] : ["Content-Type: application/json"]
        return try client.request(method, path, headers: type + headers, body: body.map { Array($0.utf8) })
    }

    /// The document that a path has.
    func document(_ path: String) throws -> JSON {
        let reply = try reply("GET", path)
        guard reply.status == 200 else { throw SocketClient.Failure("\(path): \(reply.status) \(reply.text)") }
        return try JSON(reply)
    }

    /// Makes a change and waits for it; gives its document.
    func change(_ method: String, _ path: String, _ body: String? = nil) throws -> JSON {
        let reply = try reply(method, path + "?wait=60s", body)
        guard reply.status < 300 else { throw SocketClient.Failure("\(method) \(path): \(reply.status) \(reply.text)") }
        return try JSON(reply)
    }

    /// The document of a deployment.
    func deployment(_ name: String) throws -> JSON { try document("/admin/v1/deployments/\(name)") }

    /// Asks again and again until a deployment is as a test needs it.
    func wait(for name: String, _ isThere: (JSON) throws -> Bool) throws -> JSON {
        while true {
            let document = try deployment(name)
            if try isThere(document) { return document }
        }
    }
}

/// A document of the server's, read by its keys.
@dynamicMemberLookup
struct JSON: CustomStringConvertible {
    private let value: Any?

    init(_ reply: SocketClient.Reply) throws {
        value = try JSONSerialization.jsonObject(with: Data(reply.body), options: .fragmentsAllowed)
    }

    private init(_ value: Any?) { self.value = value }

    subscript(dynamicMember key: String) -> JSON { JSON((value as? [String: Any])?[key]) }

    /// Its elements; none if it is no list.
    var list: [JSON] { (value as? [Any] ?? []).map { JSON($0) } }
    /// The text, `nil` for `null` and what is no text.
    var text: String? { value as? String }
    /// The number, `nil` for what is none.
    var number: Int? { (value as? NSNumber)?.intValue }
    /// Whether it is `true`.
    var isTrue: Bool { value as? Bool == true }
    var description: String { value.map { "\($0)" } ?? "nothing" }
}

extension TemporaryFolder {
    /// A folder `models` with copies of the sample models, which a test may change.
    static func withSampleModels() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for file in ["digits-svm/model.yaml", "digits-svm/1/model.onnx", "digits-mlp/model.yaml"]
            + (1...2).map({ "digits-mlp/\($0)/model.onnx" })
        {
            try folder.copy(fromRepository: "models/\(file)", to: "models/\(file)")
        }
        return folder
    }

    /// The models of ``withSampleModels()``.
    var models: String { path + "/models" }
}
