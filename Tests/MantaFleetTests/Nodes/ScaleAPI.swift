import Foundation
import Logging
import MantaHTTP
import MantaProcesses
import MantaTestKit
import Synchronization

@testable import MantaFleet

/// What of Kubernetes' API server scales one StatefulSet, as its documentation has it: HTTPS, a token, and a version of
/// what is changed. Not a Kubernetes.
final class ScaleAPI: Sendable {
    struct Call: Sendable, Equatable {
        var method: String
        var path: String
        var token: String?
        var contentType: String?
        var body: String
    }

    private struct State {
        var replicas: Int
        var version = 1
        var token: String
        var refusal: Int?
        var calls: [Call] = []
        var isChangedMeanwhile = false
    }

    let account: TemporaryFolder
    private let state: Mutex<State>

    init(replicas: Int) async throws {
        state = Mutex(State(replicas: replicas, token: "first"))
        account = try TemporaryFolder()
        try account.write("first\n", to: "token")
        try account.write("models", to: "namespace")
        try await Self.certificate(in: account)
    }

    /// A certificate that vouches for itself, `ca.crt`, with its key.
    private static func certificate(in folder: TemporaryFolder) async throws {
        let openssl = try await Program(
            "/usr/bin/openssl",
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
                + ["-keyout", folder.path + "/key.pem", "-out", folder.path + "/ca.crt", "-days", "2"]
                + ["-subj", "/CN=kubernetes", "-addext", "subjectAltName=IP:127.0.0.1"]
        ).run()
        guard openssl.status == 0 else { throw NodeProviderError(openssl.errors) }
    }

    var replicas: Int { state.withLock { $0.replicas } }
    var calls: [Call] { state.withLock { $0.calls } }

    /// Answers every call with this status.
    func refuse(_ status: Int?) { state.withLock { $0.refusal = status } }

    /// Somebody else scales it.
    func scale(to replicas: Int) {
        state.withLock { state in
            state.replicas = replicas
            state.version += 1
        }
    }

    /// Something else of it changes between each reading and writing, and so its version.
    func changeMeanwhile() { state.withLock { $0.isChangedMeanwhile = true } }

    /// The token is another one from now on.
    func renewToken() throws {
        state.withLock { $0.token = "second" }
        try account.write("second\n", to: "token")
    }

    /// Serves while `body` runs, which gets the provider.
    func serve(_ body: (KubernetesNodes) async throws -> Void) async throws {
        var configuration = HTTPServerConfiguration()
        configuration.accessLog = false
        configuration.drainTimeout = .seconds(1)
        configuration.tls = TLSFiles(certificate: account.path + "/ca.crt", key: account.path + "/key.pem")
        var routes = Routes()
        for method in ["GET", "PATCH"] {
            routes.on(
                HTTPMethod(rawValue: method), "/apis/{group}/{version}/namespaces/{namespace}/{kind}/{name}/{part}"
            ) { self.answer($0) }
        }
        let server = HTTPServer(
            configuration: configuration, routes: routes,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let port = try server.start().port
        let nodes = try await KubernetesNodes(settings(port: port))
        do {
            try await body(nodes)
        } catch {
            await nodes.shutdown()
            await server.drain()
            throw error
        }
        await nodes.shutdown()
        await server.drain()
    }

    func settings(port: Int) -> KubernetesNodes.Settings {
        .init(
            server: "https://127.0.0.1:\(port)", statefulSet: "manta-worker", namespace: nil,
            serviceAccount: account.path)
    }

    private func answer(_ request: HTTPRequest) -> HTTPResponse {
        state.withLock { state in
            let call = Call(
                method: request.method.rawValue, path: request.path, token: request.headers["Authorization"],
                contentType: request.headers["Content-Type"], body: String(decoding: request.body, as: UTF8.self))
            state.calls.append(call)
            if let refusal = state.refusal { return Self.status(refusal, "it says so") }
            guard call.token == "Bearer \(state.token)" else { return Self.status(401, "Unauthorized") }
            if call.method == "PATCH" {
                let patch = try? JSONDecoder().decode(Patch.self, from: Data(request.body))
                guard call.contentType == "application/merge-patch+json", let patch else {
                    return Self.status(415, "the body isn't a merge patch")
                }
                guard patch.metadata.resourceVersion == "\(state.version)" else {
                    return Self.status(409, "the object has been modified")
                }
                state.replicas = patch.spec.replicas
                state.version += 1
            }
            let scale = Self.scale(state.replicas, version: state.version)
            if state.isChangedMeanwhile { state.version += 1 }
            return scale
        }
    }

    private struct Patch: Decodable {
        struct Metadata: Decodable { var resourceVersion: String }
        struct Spec: Decodable { var replicas: Int }
        var metadata: Metadata
        var spec: Spec
    }

    /// A scale as a cluster writes one, without what is zero.
    private static func scale(_ replicas: Int, version: Int) -> HTTPResponse {
        let spec = replicas == 0 ? "{}" : #"{"replicas":\#(replicas)}"#
        return document(
            200,
            #"""
            {"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"manta-worker","namespace":"models",
            "uid":"1a2b","resourceVersion":"\#(version)","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":\#(spec),
            "status":{"replicas":1,"selector":"app.kubernetes.io/name=manta-worker"}}
            """#)
    }

    private static func status(_ code: Int, _ message: String) -> HTTPResponse {
        document(
            code,
            #"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"\#(message)","code":\#(code)}"#
        )
    }

    private static func document(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(
            status: HTTPStatus(status), headers: ["Content-Type": "application/json"], body: .bytes(Array(text.utf8)))
    }
}
