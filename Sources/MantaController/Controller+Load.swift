import MantaConfig
package import MantaServing
import MantaThreads

extension Controller {
    /// Has a model served as a client wants it, in place of what its files and operators say, until it is loaded again or
    /// an operator gives it a configuration.
    ///
    /// - Parameters:
    ///   - configuration: How to serve it.
    ///   - files: What to serve in place of what is in a repository, by path within the model's folder:
    ///     `1/model.onnx`. None: what is in the repository.
    /// - Throws: ``ControlError``.
    package func load(
        _ configuration: DeploymentConfiguration, files: [String: [UInt8]]
    ) async throws(ControlError) {
        let name = configuration.name
        var configuration = configuration
        guard !files.isEmpty || knows(name) else { throw notFound(name) }
        if !files.isEmpty {
            configuration.path = try await store(files)
        }
        defer { if let path = configuration.path { uploading.remove(path) } }
        let yaml = configuration.yaml()
        try await changes.update(name) {
            $0.loaded = yaml
            $0.isUnloaded = false
        }
        await look(retry: .only(name))
        await removeUnusedUploads()
    }

    private func store(_ files: [String: [UInt8]]) async throws(ControlError) -> String {
        guard let uploads else { throw ControlError(.unavailable, "there is no folder for the files of clients") }
        do throws(Uploads.Failure) {
            let path = try await Thread.run(name: "uploads") { () throws(Uploads.Failure) in try uploads.store(files) }
            uploading.insert(path)
            return path
        } catch {
            throw ControlError(error.isInvalid ? .invalid : .unavailable, error.message)
        }
    }

    /// Removes the files that clients sent and nothing refers to any more. What is loaded of them stays in memory.
    func removeUnusedUploads() async {
        guard let uploads else { return }
        let kept = asked.compactMap { name, change in
            change.loaded.flatMap { try? DeploymentConfiguration(yaml: $0, file: "", name: name).path }
        }
        let all = uploading.union(kept)
        await Thread.run(name: "uploads") { uploads.removeAll(but: all) }
    }
}
