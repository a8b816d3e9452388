import MantaRuntime
import MantaTestKit
import Testing

@testable import MantaFleet

@Suite("Workers that are pods of a StatefulSet", .timeLimit(.minutes(1)))
struct KubernetesNodesTests {
    private static let path = "/apis/apps/v1/namespaces/models/statefulsets/manta-worker/scale"

    private func failure(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("the scale is read and changed over HTTPS, with the token, its version and a merge patch")
    func scale() async throws {
        let api = try await ScaleAPI(replicas: 0)
        try await api.serve { nodes in
            #expect(try await nodes.count() == 0)
            try await nodes.setCount(3, from: 0)
        }

        let read = ScaleAPI.Call(
            method: "GET", path: Self.path, token: "Bearer first", contentType: nil, body: "")
        var patch = read
        (patch.method, patch.contentType) = ("PATCH", "application/merge-patch+json")
        patch.body = #"{"metadata":{"resourceVersion":"1"},"spec":{"replicas":3}}"#
        #expect(api.calls == [read, read, patch])
        #expect(api.replicas == 3)
    }

    @Test("a token that is renewed is used from then on")
    func token() async throws {
        let api = try await ScaleAPI(replicas: 1)
        try await api.serve { nodes in
            _ = try await nodes.count()
            try api.renewToken()
            try await nodes.setCount(2, from: 1)
        }

        #expect(api.calls.map(\.token) == ["Bearer first", "Bearer second", "Bearer second"])
    }

    @Test("what somebody else scaled isn't scaled over, and what was changed meanwhile isn't either")
    func conflict() async throws {
        let api = try await ScaleAPI(replicas: 2)
        try await api.serve { nodes in
            api.scale(to: 5)
            #expect(
                await failure { try await nodes.setCount(3, from: 2) }
                    == "somebody else has scaled the StatefulSet manta-worker in namespace models to 5")
            api.changeMeanwhile()
            #expect(
                await failure { try await nodes.setCount(3, from: 5) }
                    == """
                    the StatefulSet manta-worker in namespace models was changed meanwhile (the object has been \
                    modified)
                    """)
        }

        #expect(api.replicas == 5)
    }

    @Test(
        "what the API server refuses is told, and what would help",
        arguments: [
            (401, "the API server doesn't take the token in ACCOUNT/token (it says so)"),
            (
                403,
                """
                the service account may not scale the StatefulSet manta-worker in namespace models: its role lacks the \
                rule {apiGroups: [apps], resources: [statefulsets/scale], resourceNames: [manta-worker], verbs: [get, \
                patch]} (it says so)
                """
            ), (404, "there is no StatefulSet manta-worker in namespace models (it says so)"),
            (500, "the API server answers GET with status 500 (it says so)"),
        ])
    func refusals(status: Int, message: String) async throws {
        let api = try await ScaleAPI(replicas: 1)
        api.refuse(status)
        try await api.serve { nodes in
            let failure = await failure { _ = try await nodes.count() }
            #expect(failure.replacing(api.account.path, with: "ACCOUNT") == message)
        }
    }

    @Test("a server whose certificate the cluster's authority didn't sign gets no token")
    func impostor() async throws {
        let (server, other) = (try await ScaleAPI(replicas: 1), try await ScaleAPI(replicas: 1))
        try await server.serve { nodes in
            var settings = nodes.settings
            settings.serviceAccount = other.account.path
            let nodes = try await KubernetesNodes(settings)
            let failure = await failure { _ = try await nodes.count() }
            await nodes.shutdown()
            #expect(failure == "the API server at \(settings.server) can't be asked: its certificate isn't trusted")
        }

        #expect(server.calls.isEmpty)
    }

    @Test("a pod without a service account's files is told so")
    func noAccount() async throws {
        let folder = try TemporaryFolder()
        let failure = await failure {
            _ = try await KubernetesNodes(
                .init(
                    server: "https://10.0.0.1:443", statefulSet: "w", namespace: nil, serviceAccount: folder.path))
        }
        #expect(
            failure == "\(folder.path)/namespace can't be read: the pod needs a service account and its token")
    }

    @Test(
        "a worker is told from others by its pod's name",
        arguments: [
            ("manta-worker-0-1bvlt5w", 0), ("manta-worker-12-ktahus", 12), ("manta-worker-x-ktahus", nil),
            ("manta-worker-gpu-0-ktahus", nil), ("manta-worker-01-ktahus", nil), ("manta-front-0-ktahus", nil),
            ("manta-worker-0", nil),
        ] as [(String, Int?)])
    func numbers(id: String, number: Int?) async throws {
        let api = try await ScaleAPI(replicas: 0)
        try await api.serve { nodes in
            #expect(nodes.number(of: NodeRecord(id: id, kind: .worker, capacity: .init(Resources()))) == number)
        }
    }
}
