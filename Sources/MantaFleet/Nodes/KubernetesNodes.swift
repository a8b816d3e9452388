import AsyncHTTPClient
import FoundationEssentials
import MantaThreads
import NIOCore
import NIOFoundationEssentialsCompat
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Workers that are the pods of a StatefulSet, of which the scale is read and changed at Kubernetes' API server.
///
/// It needs the verbs `get` and `patch` of `statefulsets/scale` for this one StatefulSet, and nothing else.
package final class KubernetesNodes: NodeProvider {
    /// Which StatefulSet, and how the API server is reached.
    package struct Settings: Sendable {
        /// `https://host:port`.
        package var server: String
        /// The StatefulSet's name.
        package var statefulSet: String
        /// Its namespace; `nil` for that of the service account.
        package var namespace: String?
        /// The folder with the service account's `token`, `ca.crt` and `namespace`.
        package var serviceAccount: String
        /// How long a call may take.
        package var timeout = Duration.seconds(10)

        package init(server: String, statefulSet: String, namespace: String?, serviceAccount: String) {
            (self.server, self.statefulSet) = (server, statefulSet)
            (self.namespace, self.serviceAccount) = (namespace, serviceAccount)
        }
    }

    private static let maxReplyBytes = 1 << 20

    let settings: Settings
    private let namespace: String
    private let client: HTTPClient

    /// Reads the namespace, if it isn't given. Nothing is sent yet.
    package init(_ settings: Settings) async throws(NodeProviderError) {
        self.settings = settings
        if let namespace = settings.namespace {
            self.namespace = namespace
        } else {
            namespace = try await Self.read("namespace", of: settings)
        }
        // Once here, so that what is wrong with it is told now and in these words.
        _ = try await Self.read("ca.crt", of: settings)
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file(settings.serviceAccount + "/ca.crt")
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = tls
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        // Whether and when to try again is for whoever calls.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = TimeAmount(settings.timeout)
        client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }

    /// Closes its connections. Nothing may use it after that.
    package func shutdown() async { try? await client.shutdown() }

    package var name: String { "StatefulSet \(settings.statefulSet) in namespace \(namespace)" }

    package func count() async throws(NodeProviderError) -> Int {
        try await scale().spec.replicas ?? 0
    }

    package func setCount(_ count: Int, from former: Int) async throws(NodeProviderError) {
        let scale = try await scale()
        let present = scale.spec.replicas ?? 0
        guard present == former else {
            throw NodeProviderError("somebody else has scaled the \(name) to \(present)")
        }
        // With its version: what was changed meanwhile, by a later leader say, isn't changed over.
        let patch = Scale(
            metadata: .init(resourceVersion: scale.metadata.resourceVersion), spec: .init(replicas: count))
        let answer = try await call(.PATCH, patch)
        guard answer.spec.replicas == count else {
            throw NodeProviderError("the \(name) was to be scaled to \(count), and isn't")
        }
    }

    /// A pod's name is the StatefulSet's with a number, and what a worker calls itself begins with its pod's.
    package func number(of worker: NodeRecord) -> Int? {
        guard let rest = worker.id.suffix(after: settings.statefulSet + "-") else { return nil }
        let parts = rest.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = Int(parts[0]), number >= 0, "\(number)" == parts[0] else { return nil }
        return number
    }

    // MARK: - Calls

    /// `autoscaling/v1`, as far as it matters here.
    private struct Scale: Codable {
        struct Metadata: Codable {
            var resourceVersion: String?
        }

        struct Spec: Codable {
            // Kubernetes leaves out a zero.
            var replicas: Int?
        }

        var metadata: Metadata
        var spec: Spec
    }

    /// What the API server says of a call that failed.
    private struct Status: Decodable {
        var message: String?
    }

    private func scale() async throws(NodeProviderError) -> Scale {
        try await call(.GET, nil)
    }

    private func call(_ method: HTTPMethod, _ patch: Scale?) async throws(NodeProviderError) -> Scale {
        // It is renewed on disk every hour or so.
        let token = try await Self.read("token", of: settings)
        let path = "/apis/apps/v1/namespaces/\(namespace)/statefulsets/\(settings.statefulSet)/scale"
        var request = HTTPClientRequest(url: settings.server + path)
        request.method = method
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        request.headers.add(name: "Accept", value: "application/json")
        if let patch {
            request.headers.add(name: "Content-Type", value: "application/merge-patch+json")
            request.body = .bytes(patch.stored)
        }
        let (status, body): (UInt, Data)
        do {
            let response = try await client.execute(request, timeout: TimeAmount(settings.timeout))
            let bytes = try await response.body.collect(upTo: Self.maxReplyBytes)
            (status, body) = (response.status.code, Data(buffer: bytes))
        } catch {
            throw NodeProviderError("the API server at \(settings.server) can't be asked: \(Self.words(error))")
        }
        guard status == 200, let scale = try? JSONDecoder().decode(Scale.self, from: body) else {
            throw refusal(status, body, of: method)
        }
        return scale
    }

    private func refusal(_ status: UInt, _ body: Data, of method: HTTPMethod) -> NodeProviderError {
        let said = (try? JSONDecoder().decode(Status.self, from: body))?.message.map { " (\($0.prefix(300)))" } ?? ""
        return switch status {
        case 200: .init("the API server's answer to \(method.rawValue) isn't a scale")
        case 401: .init("the API server doesn't take the token in \(settings.serviceAccount)/token\(said)")
        case 403:
            .init(
                "the service account may not scale the \(name): its role lacks the rule {apiGroups: [apps], resources: "
                    + "[statefulsets/scale], resourceNames: [\(settings.statefulSet)], verbs: [get, patch]}\(said)")
        case 404: .init("there is no \(name)\(said)")
        case 409: .init("the \(name) was changed meanwhile\(said)")
        default: .init("the API server answers \(method.rawValue) with status \(status)\(said)")
        }
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { words($0.error) } ?? "the name \"\(error.host)\" isn't known"
        case let error as HTTPClientError
        where [.connectTimeout, .deadlineExceeded, .readTimeout, .getConnectionFromPoolTimeout].contains(error):
            "no answer in time"
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            "its certificate is for another name"
        case NIOSSLError.handshakeFailed(let cause) where "\(cause)".contains("CERTIFICATE_VERIFY_FAILED"):
            "its certificate isn't trusted"
        default: "\(error)"
        }
    }

    private static func read(_ name: String, of settings: Settings) async throws(NodeProviderError) -> String {
        let path = "\(settings.serviceAccount)/\(name)"
        let text = await Thread.run(name: "account") { try? String(contentsOfFile: path, encoding: .utf8) }
        guard let text, let line = text.split(whereSeparator: \.isNewline).first else {
            throw NodeProviderError("\(path) can't be read: the pod needs a service account and its token")
        }
        return String(line)
    }
}
