import AsyncHTTPClient
import MantaRuntime
import NIOCore
import NIOHTTP1

/// The objects of a node, over HTTP.
struct HTTPObjectSource: ObjectSource {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let client: HTTPClient
    /// `http://host:port`.
    let address: String
    let token: String?

    func read(_ id: ObjectID, _ range: Range<Int>) async throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        var request = HTTPClientRequest(url: "\(address)/v2/objects/\(id)")
        request.headers.add(name: "Range", value: "bytes=\(range.lowerBound)-\(range.upperBound - 1)")
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        let response = try await client.execute(request, timeout: .seconds(60))
        guard response.status.code == 206 else {
            throw Failure(description: "\(address) answers with status \(response.status.code)")
        }
        let body = try await response.body.collect(upTo: range.count)
        return Array(body.readableBytesView)
    }
}
