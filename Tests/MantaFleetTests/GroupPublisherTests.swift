import MantaAutoscaler
import MantaConfig
import MantaCore
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

    @Test("fronts get what classes are called, workers the files of samples under names that no model's file has")
    func namedFiles() async throws {
        let folder = try TemporaryFolder()
        try folder.write("model", to: "m/1/model.onnx")
        try folder.write("other", to: "m/1/.sample")
        try folder.write("bytes", to: "m/sample.bin")
        let publisher = GroupPublisher(try await ObjectStore.open("\(folder.path)/objects", limit: 1 << 20))
        let wanted = WantedDeployment(
            configuration: try DeploymentConfiguration(
                yaml: """
                    outputs: [{name: y, labels: [cat, dog]}, {name: z}]
                    warmup: {samples: [{inputs: [{name: x, datatype: UINT8, shape: [5], file: sample.bin}]}]}
                    """, file: "\(folder.path)/m/model.yaml", name: "m"),
            versions: [.init(number: 1, path: "\(folder.path)/m/1/model.onnx", hash: "sha256:0")], scale: .pinned(1))

        let (records, objects) = await publisher.publish([wanted], keeping: [])
        let record = try #require(records.first)
        let group = try #require(record.versions.first)

        let front = try DeploymentConfiguration(yaml: record.yaml, file: "front", name: "m")
        #expect(front.outputs.map(\.name) == ["y"] && front.outputs[0].labels == .init(names: ["cat", "dog"]))
        #expect(record.fault == nil && Set(group.files.map(\.object)) == Set(objects) && objects.count == 2)
        let sample = try #require(group.files.last)
        #expect(group.files.map(\.path) == ["model.onnx", sample.path] && sample.path.hasPrefix(".sample-"))

        try folder.write("bytes", to: "worker/\(sample.path)")
        let worker = try DeploymentConfiguration(
            yaml: group.yaml, file: "\(folder.path)/worker/configuration", name: "m")
        #expect(worker.outputs.map(\.name) == ["y", "z"] && worker.outputs.allSatisfy { $0.labels == nil })
        guard case .file(let file) = worker.warmupSamples.first?.inputs.first?.content else {
            Issue.record("\(worker.warmupSamples)")
            return
        }
        #expect(file.path == "\(folder.path)/worker/\(sample.path)")
    }

    @Test("more names than a record should have are refused, and so is a sample that is gone")
    func refused() async throws {
        let folder = try TemporaryFolder()
        let publisher = GroupPublisher(try await ObjectStore.open("\(folder.path)/objects", limit: 1 << 20))
        var configuration = DeploymentConfiguration(name: "m")
        configuration.outputs = [TensorPort(name: "y")]
        configuration.outputs[0].labels = .init(
            names: Array(repeating: String(repeating: "n", count: 1024), count: 257))
        func fault() async -> String? {
            let wanted = WantedDeployment(configuration: configuration, versions: [], scale: .pinned(1))
            return await publisher.publish([wanted], keeping: []).records.first?.fault
        }
        #expect(await fault() == "labels: those of output \"y\" have 263168 bytes, a fleet takes 262144")

        configuration.outputs = []
        configuration.warmupSamples = [WarmupSample(name: "s")]
        let gone = WarmupSample.DataFile(path: "\(folder.path)/gone", stamp: "")
        configuration.warmupSamples[0].inputs = [.init("x", .uint8, [1], .file(gone))]
        #expect(await fault()?.hasPrefix("warmup.samples: \(folder.path)/gone: ") == true)
    }

    @Test("fronts are told which batches go to a second worker, and workers aren't: they load nothing anew for it")
    func hedge() async throws {
        let folder = try TemporaryFolder()
        try folder.write("model", to: "m/1/model.onnx")
        let publisher = GroupPublisher(try await ObjectStore.open("\(folder.path)/objects", limit: 1 << 20))
        var wanted = WantedDeployment(
            configuration: DeploymentConfiguration(name: "m"),
            versions: [.init(number: 1, path: "\(folder.path)/m/1/model.onnx", hash: "sha256:0")], scale: .pinned(1))
        let before = try #require(await publisher.publish([wanted], keeping: []).records.first)

        wanted.configuration.hedge = .init()
        wanted.configuration.hedge?.budget = 0.05
        let after = try #require(await publisher.publish([wanted], keeping: []).records.first)

        let fronts = try DeploymentConfiguration(yaml: after.yaml, file: "front", name: "m")
        #expect(fronts.hedge == wanted.configuration.hedge)
        #expect(after.versions == before.versions)
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
