import FoundationEssentials
import MantaAutoscaler
import MantaConfig
package import MantaRuntime
package import MantaServing
import MantaThreads

/// Makes of what is wanted, whose models are files of this node, what any node can load.
package actor GroupPublisher {
    /// What is published: one of a deployment's versions, or a file that is run before one is ready.
    private enum Source: Hashable {
        case version(VersionSpec)
        case sample(WarmupSample.DataFile)
    }

    private struct Published {
        let files: [GroupRecord.File]
        /// Keep them in the store for as long as they are wanted.
        let pins: [ObjectPin]
    }

    /// Fronts get the names of classes in records, which shouldn't be large.
    private static let maxLabelBytes = 256 << 10

    private let store: ObjectStore
    /// By path and content.
    private var published: [Source: Published] = [:]
    /// Keep what isn't wanted here any more and serves until something else does: its hosts may all be lost.
    private var kept: [ObjectID: ObjectPin] = [:]

    /// Has published nothing yet.
    package init(_ store: ObjectStore) {
        self.store = store
    }

    /// What is wanted, for the store; the objects are there then.
    ///
    /// - Parameters:
    ///   - deployments: What is wanted.
    ///   - objects: What is to be kept beside theirs if it is here, by SHA-256.
    /// - Returns: Their records, and all objects that are published.
    package func publish(
        _ deployments: [WantedDeployment], keeping objects: Set<String>
    ) async -> (records: [DeploymentRecord], objects: [String]) {
        var records: [DeploymentRecord] = []
        for wanted in deployments { records.append(await record(of: wanted)) }
        let used = Set(
            deployments.flatMap { $0.versions.map(Source.version) + $0.configuration.sampleFiles.map(Source.sample) })
        let old = published.filter { !used.contains($0.key) }
        // Pinned below, before the last pin of an object goes.
        defer { withExtendedLifetime(old) {} }
        published = published.filter { used.contains($0.key) }
        let pinned = Set(published.values.flatMap(\.pins).map(\.id))
        let others = Set(objects.compactMap { ObjectID($0) }).subtracting(pinned)
        kept = kept.filter { others.contains($0.key) }
        for id in others where kept[id] == nil { kept[id] = (try? await store.pin(id)) ?? nil }
        return (records, pinned.union(kept.keys).map(\.description).sorted())
    }

    private func record(of wanted: WantedDeployment) async -> DeploymentRecord {
        let configuration = wanted.configuration
        var record = DeploymentRecord(
            name: wanted.name, yaml: configuration.forFronts.yaml(), replicas: wanted.replicasInFleet,
            scaling: wanted.scalingInFleet,
            needs: .init(
                configuration.resources, labels: configuration.placement.labels,
                preferredLabels: configuration.placement.preferredLabels), versions: [])
        if case .tuned = wanted.scale {
            record.notes = ["tuning is without effect in a fleet: there is one replica on each worker"]
        }
        record.fault = wanted.fault ?? configuration.obstacleToFleet(maxLabelBytes: Self.maxLabelBytes)
        guard record.fault == nil else { return record }
        var names: [WarmupSample.DataFile: String] = [:]
        var sampleFiles: [GroupRecord.File] = []
        do throws(ObjectError) {
            for file in configuration.sampleFiles where names[file] == nil {
                let published = try await publish(file)
                names[file] = published.path
                if !sampleFiles.contains(published) { sampleFiles.append(published) }
            }
        } catch {
            record.fault = "warmup.samples: \(error.message)"
            return record
        }
        let yaml = configuration.forWorkers(samples: names).yaml()
        for spec in wanted.versions {
            do throws(ObjectError) {
                let files = try await publish(spec) + sampleFiles
                let model = spec.path.split(separator: "/").last.map(String.init) ?? ""
                record.versions.append(
                    GroupRecord(
                        deployment: wanted.name, version: spec.number, model: model, files: files, yaml: yaml))
            } catch {
                record.fault = "version \(spec.number): \(error.message)"
            }
        }
        return record
    }

    private func publish(_ spec: VersionSpec) async throws(ObjectError) -> [GroupRecord.File] {
        if let published = published[.version(spec)] { return published.files }
        let paths = await Thread.run(name: "objects") { Self.files(of: spec) }
        var files: [GroupRecord.File] = []
        var pins: [ObjectPin] = []
        for (name, path) in paths {
            let pin = try await put(path)
            files.append(.init(path: name, object: pin.id.description, byteCount: pin.byteCount))
            pins.append(pin)
        }
        published[.version(spec)] = Published(files: files, pins: pins)
        return files
    }

    private func publish(_ sample: WarmupSample.DataFile) async throws(ObjectError) -> GroupRecord.File {
        if let file = published[.sample(sample)]?.files.first { return file }
        let pin = try await put(sample.path)
        let object = pin.id.description
        // A name that no file has which lies beside a model: those with a dot aren't published.
        let file = GroupRecord.File(path: ".sample-\(object.prefix(16))", object: object, byteCount: pin.byteCount)
        published[.sample(sample)] = Published(files: [file], pins: [pin])
        return file
    }

    private func put(_ path: String) async throws(ObjectError) -> ObjectPin {
        let id = try await store.put(file: path)
        guard let pin = try await store.pin(id) else {
            throw ObjectError(.missing, "\(path): its object went at once; the store of objects is too small")
        }
        return pin
    }

    /// The model's file, and those beside it in the folder of a version: large models keep their weights there.
    private static func files(of spec: VersionSpec) -> [(name: String, path: String)] {
        let parts = spec.path.split(separator: "/").map(String.init)
        let model = parts.last ?? spec.path
        guard parts.dropLast().last == "\(spec.number)" else { return [(model, spec.path)] }
        let folder = String(spec.path.dropLast(model.count + 1))
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [model]
        return names.filter { name in
            var isFolder = false
            let exists = FileManager.default.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder)
            return exists && !isFolder && !name.hasPrefix(".")
        }.sorted().map { ($0, "\(folder)/\($0)") }
    }
}

extension DeploymentConfiguration {
    /// What fronts need of it: how requests wait and share batches. The rest is for whoever loads the model.
    fileprivate var forFronts: DeploymentConfiguration {
        var front = DeploymentConfiguration(name: name)
        front.batching = batching
        front.objective = objective
        front.queue = queue
        front.responseCache = responseCache
        front.rollout = rollout
        front.isIdempotent = isIdempotent
        // Workers answer with numbers, whatever those are called.
        front.outputs = outputs.compactMap { output in
            guard let names = output.labels?.names else { return nil }
            var port = TensorPort(name: output.name)
            port.labels = .init(names: names)
            return port
        }
        front.hedge = hedge
        // For the status: what counts is in the record.
        front.resources = resources
        front.placement = placement
        front.autoscaling = autoscaling
        return front
    }

    /// What workers need of it: how the model is run. Requests come to them in batches.
    ///
    /// - Parameter names: What the files of its samples are called there.
    /// - Returns: Their configuration.
    fileprivate func forWorkers(samples names: [WarmupSample.DataFile: String]) -> DeploymentConfiguration {
        var worker = DeploymentConfiguration(name: name)
        worker.inputs = inputs
        worker.outputs = outputs
        for index in outputs.indices { worker.outputs[index].labels = nil }
        worker.batching.maxRows = batching.maxRows
        worker.batching.isAcrossRequests = batching.isAcrossRequests
        worker.warmupRows = warmupRows
        worker.warmupSamples = warmupSamples.map { sample in
            var sample = sample
            for index in sample.inputs.indices {
                guard case .file(let file) = sample.inputs[index].content else { continue }
                sample.inputs[index].content = .file(.init(path: names[file] ?? file.path, stamp: ""))
            }
            return sample
        }
        worker.options = options
        return worker
    }

    /// What of it doesn't work in a fleet.
    fileprivate func obstacleToFleet(maxLabelBytes: Int) -> String? {
        if !remote.isEmpty {
            return "remote: models of other servers aren't served in a fleet; serve them without --join"
        }
        for output in outputs {
            let bytes = output.labels?.names.reduce(0) { $0 + $1.utf8.count } ?? 0
            if bytes > maxLabelBytes {
                return "labels: those of output \"\(output.name)\" have \(bytes) bytes, a fleet takes \(maxLabelBytes)"
            }
        }
        return nil
    }

    /// The files of its samples.
    fileprivate var sampleFiles: [WarmupSample.DataFile] {
        warmupSamples.flatMap(\.inputs).compactMap { if case .file(let file) = $0.content { file } else { nil } }
    }
}

extension WantedDeployment {
    /// How many replicas each version is to have, to begin with where that follows the load; `nil` for one on each
    /// worker.
    fileprivate var replicasInFleet: Int? {
        switch scale {
        case .pinned(let count): isScaledByHand || configuration.replicas != nil ? count : nil
        case .automatic(let scaling): scaling.firstReplicas(cpus: 1)
        case .followed(_, let count): count
        case .tuned: nil
        }
    }

    /// How that number follows the load; `nil` if it doesn't.
    package var scalingInFleet: ScalingRecord? {
        if case .automatic(let scaling) = scale { ScalingRecord(scaling) } else { nil }
    }
}
