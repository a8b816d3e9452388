import FoundationEssentials
public import MantaServing
import Yams

extension DeploymentConfiguration {
    /// This configuration as a `model.yaml`: what differs from the defaults.
    ///
    /// - Parameter folder: The folder that the file will be in. Paths to what is in it are written without it.
    /// - Returns: The text. Read again, it gives this configuration.
    public func yaml(relativeTo folder: String? = nil) -> String {
        let defaults = members(of: DeploymentConfiguration(name: name).document.node())
        var values = members(of: document.node(), besides: defaults)
        // A section that is there although it says nothing scales by the defaults.
        if autoscaling != nil { values["autoscaling"] = values["autoscaling"] ?? .nothing }
        let order = ["path", "file_name", "inputs", "outputs", "batching", "slo", "queue"]
        let keys = order + values.keys.filter { !order.contains($0) }.sorted()
        let pairs = keys.compactMap { key in
            // A label may look like a path.
            values[key].map { (Node(key, .implicit), $0.tidied(relativeTo: key == "placement" ? nil : folder)) }
        }
        guard !pairs.isEmpty, let text = try? Yams.serialize(node: Node(pairs), width: -1, allowUnicode: true) else {
            return ""
        }
        return text
    }

    /// The members of a mapping, without those that are the same in another; sections keep what differs.
    private func members(of node: Node, besides defaults: [String: Node] = [:]) -> [String: Node] {
        var members: [String: Node] = [:]
        for (key, value) in node.mapping ?? [:] {
            guard let key = key.scalar?.string, defaults[key] != value else { continue }
            if value.mapping != nil, let before = defaults[key], before.mapping != nil {
                let inner = self.members(of: value, besides: self.members(of: before))
                members[key] = Node(inner.sorted { $0.key < $1.key }.map { (Node($0.key, .implicit), $0.value) })
            } else {
                members[key] = value
            }
        }
        return members
    }
}

extension DeploymentConfiguration.Document {
    /// As YAML, which JSON is a part of.
    fileprivate func node() -> Node {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        guard let json = try? encoder.encode(self),
            let root = try? Yams.compose(yaml: String(decoding: json, as: UTF8.self).asYAML, .basic)
        else { return .nothing }
        return root
    }
}

extension String {
    /// This JSON with escapes for the characters that JSON takes as they are and YAML doesn't (YAML 1.2, section 5.1).
    package var asYAML: String {
        guard unicodeScalars.contains(where: \.isEscapedInYAML) else { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            guard scalar.isEscapedInYAML else { return text.unicodeScalars.append(scalar) }
            let digits = String(scalar.value, radix: 16)
            text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
    }
}

extension Unicode.Scalar {
    fileprivate var isEscapedInYAML: Bool {
        switch value {
        case 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: true
        default: false
        }
    }
}

extension Node {
    /// A mapping without a member.
    fileprivate static var nothing: Node { .mapping(Mapping([])) }

    /// The same as people write it: without quotes where none are needed, lists of single values on one line.
    fileprivate func tidied(relativeTo folder: String?) -> Node {
        switch self {
        case .scalar(var scalar):
            guard scalar.style == .doubleQuoted else { return self }
            if let folder, scalar.string.hasPrefix(folder + "/") {
                scalar.string = String(scalar.string.dropFirst(folder.count + 1))
            }
            let isPlain = scalar.string.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_.\/-]*/) != nil
            if isPlain, ScalarValue(plain: scalar.string) == .string(scalar.string) { scalar.style = .plain }
            return .scalar(scalar)
        case .sequence(var sequence):
            let isFlat = sequence.allSatisfy { $0.scalar != nil }
            sequence.style = isFlat ? .flow : .block
            for index in sequence.indices { sequence[index] = sequence[index].tidied(relativeTo: folder) }
            return .sequence(sequence)
        case .mapping(let mapping):
            // A name says what the rest is about.
            let pairs = mapping.map { ($0.key.tidied(relativeTo: nil), $0.value.tidied(relativeTo: folder)) }
            let first = pairs.filter { ["name", "priority"].contains($0.0.scalar?.string) }
            let rest = pairs.filter { !["name", "priority"].contains($0.0.scalar?.string) }
            let style: Mapping.Style = pairs.isEmpty ? .flow : .block
            return .mapping(Mapping(first + rest, .implicit, style))
        case .alias: return self
        }
    }
}
