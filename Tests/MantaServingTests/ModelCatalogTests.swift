import Logging
import MantaServing
import MantaTestKit
import Synchronization
import Testing

@Suite("Readiness of the server")
struct ModelCatalogTests {
    @Test("the server isn't ready between the first word of what is wanted and its deployments being there")
    func firstWord() {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let catalog = ModelCatalog(environment: .init(engine: FakeEngine { _ in [] }, logger: logger))
        let seen = Mutex<[String?]>([])
        let wanted = ["a", "b"].map { name in
            WantedDeployment(configuration: DeploymentConfiguration(name: name), versions: [], scale: .pinned(1))
        }

        // Asked for just before a deployment is made.
        catalog.apply(wanted) { _ in
            seen.withLock { $0.append(catalog.unreadiness) }
            return false
        }

        #expect(seen.withLock { $0.allSatisfy { $0 != nil } })
        #expect(catalog.unreadiness == "a is loading")
    }
}
