import MantaRuntime
import MantaStore
import Testing

@testable import MantaFleet

@Suite("What a node says of itself")
struct NodeRegistrationTests {
    @Test("a front that hosts replicas has the objects of both")
    func objects() async throws {
        let store = try await EmbeddedStore.open(path: nil)
        let registration = NodeRegistration(
            NodeRecord(id: "f", kind: .front, capacity: .init(Resources())), store: store,
            keeper: LeaseKeeper(store: store))
        registration.has(["a", "b"], for: .published)
        registration.has(["b", "c"], for: .hosted)
        #expect(registration.current.objects == ["a", "b", "c"])

        registration.has(["b"], for: .published)
        #expect(registration.current.objects == ["b", "c"])
        await store.close()
    }
}
