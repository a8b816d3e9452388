import MantaAutoscaler
import MantaServing

extension WantedDeployment {
    /// What is wanted now and wasn't before, in a sentence for operators.
    func difference(from old: WantedDeployment?) -> String {
        if let fault { return fault }
        guard let old else { return "found \(versionList), configured by \(source.words), \(scale.words)" }
        var changes: [String] = []
        if versions != old.versions {
            let isSame = versions.map(\.number) == old.versions.map(\.number)
            changes.append(
                isSame ? "the files of \(versionList) have changed" : "\(versionList) instead of \(old.versionList)")
        }
        if configuration != old.configuration || source != old.source {
            changes.append("a new configuration, by \(source.words)")
        }
        if scale != old.scale || isScaledByHand != old.isScaledByHand {
            changes.append("\(scale.words), \(isScaledByHand ? "by an operator" : "as configured")")
        }
        let all = changes + warnings
        return all.isEmpty ? "what was wrong is right again" : all.joined(separator: "; ")
    }

    private var versionList: String {
        let numbers = versions.map { String($0.number) }.joined(separator: ", ")
        return versions.count == 1 ? "version \(numbers)" : "versions \(numbers)"
    }
}

extension WantedDeployment.Source {
    fileprivate var words: String {
        switch kind {
        case .defaults: "defaults"
        case .file: file ?? "a file"
        case .admin: "an operator"
        case .client: "a client"
        }
    }
}

extension WantedDeployment.Scale {
    fileprivate var words: String {
        switch self {
        case .pinned(1): return "1 replica"
        case .pinned(let count): return "\(count) replicas"
        case .automatic(let scaling), .followed(let scaling, _):
            let most = scaling.maxReplicas.map(String.init) ?? "as many as there are CPUs"
            return "between \(scaling.minReplicas) and \(most) replicas by load"
        case .tuned: return "as many replicas and threads as prove best"
        }
    }
}
