import Logging
import MantaCore
import MantaServing
import MantaTestKit
import Synchronization
import Testing

@Suite("Where requests go")
struct RoutingTests {
    @Test("when the first is told that a version serves, requests find it already")
    func toldAndFound() async throws {
        let deployment = Mutex<Deployment?>(nil)
        let found = Mutex<[Bool]>([])
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let environment = Deployment.Environment(
            engine: FakeEngine { inputs in inputs.compactMap(\.self) }, logger: logger
        ) { _, note in
            guard note.message.contains("serves with"), let deployment = deployment.withLock(\.self) else { return }
            #expect(deployment.snapshot.state == .ready)
            found.withLock { $0.append((try? deployment.target(nil)) != nil) }
        }
        let wanted = WantedDeployment(
            configuration: DeploymentConfiguration(name: "m"),
            versions: [VersionSpec(number: 1, path: "sound", hash: "sha256:1")], scale: .pinned(1))
        let served = Deployment(wanted, environment: environment)
        deployment.withLock { $0 = served }

        async let life: Void = served.run()
        _ = await served.settled(within: .seconds(60))
        served.stop()
        await life

        #expect(found.withLock(\.self) == [true])
    }
}
