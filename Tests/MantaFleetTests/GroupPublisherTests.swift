import MantaAutoscaler
import MantaRuntime
import MantaServing
import MantaTestKit
import Testing

@testable import MantaFleet

@Suite("What is published")
struct GroupPublisherTests {
    @Test("what replicas need is in the record and no part of the group: it can change while the group serves")
    func needs() async throws {
        let folder = try TemporaryFolder()
        try folder.write("model", to: "m/1/model.onnx")
        let publisher = GroupPublisher(try await ObjectStore.open("\(folder.path)/objects", limit: 1 << 20))
        var wanted = WantedDeployment(
            configuration: DeploymentConfiguration(name: "m"),
            versions: [.init(number: 1, path: "\(folder.path)/m/1/model.onnx", hash: "sha256:0")], scale: .pinned(1))
        let before = try #require(await publisher.publish([wanted], keeping: []).records.first)
        #expect(before.needs == .init(Resources()))

        let resources = Resources(
            cpus: Amount(2), memory: 1 << 30, gpus: Amount(thousandths: 500), custom: ["tpu": Amount(1)])
        wanted.configuration.resources = resources
        wanted.configuration.placement.labels = ["zone": "a"]
        wanted.configuration.placement.preferredLabels = ["disk": "ssd"]
        let after = try #require(await publisher.publish([wanted], keeping: []).records.first)

        #expect(after.needs.resources == resources)
        #expect(after.needs.labels == ["zone": "a"] && after.needs.preferredLabels == ["disk": "ssd"])
        #expect(after.versions == before.versions && after.versions.count == 1)
    }

    @Test("what follows the load says how, what is pinned doesn't, and tuning says that it is without effect")
    func scaling() async throws {
        let folder = try TemporaryFolder()
        let publisher = GroupPublisher(try await ObjectStore.open("\(folder.path)/objects", limit: 1 << 20))
        var scaling = AutoscalingConfiguration()
        (scaling.minReplicas, scaling.maxReplicas) = (0, 7)
        var wanted = WantedDeployment(
            configuration: DeploymentConfiguration(name: "m"), versions: [], scale: .automatic(scaling))
        let automatic = try #require(await publisher.publish([wanted], keeping: []).records.first)
        #expect(automatic.scaling == ScalingRecord(scaling) && automatic.replicas == 1 && automatic.notes == nil)
        (wanted.scale, wanted.isScaledByHand) = (.pinned(3), true)
        let pinned = try #require(await publisher.publish([wanted], keeping: []).records.first)
        #expect(pinned.scaling == nil && pinned.replicas == 3)
        wanted.scale = .tuned
        let tuned = try #require(await publisher.publish([wanted], keeping: []).records.first)
        #expect(tuned.scaling == nil && tuned.notes?.first?.hasPrefix("tuning is without effect") == true)
    }
}
