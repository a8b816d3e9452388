import Yams

/// The text of a `model.yaml` as its author wrote it, so that the server's faults name lines that are there. All that
/// may change is where the model is.
struct ModelText {
    /// The text.
    private(set) var yaml: String
    /// What it says under `name`.
    let name: String?
    /// What it says under `path`.
    let path: String?

    private let file: String
    private let root: Node?

    /// Takes a text apart.
    ///
    /// - Throws: ``ClientError`` if it isn't YAML, or no mapping.
    init(_ yaml: String, file: String) throws(ClientError) {
        self.yaml = yaml
        self.file = file
        do {
            root = try Yams.compose(yaml: yaml, .basic, .default, .utf8)
        } catch {
            throw ClientError(.configuration, "\(file)\(Self.words(error)); `manta check \(file)` tells more")
        }
        guard let root, root.scalar?.string != "" else {
            (name, path) = (nil, nil)
            return
        }
        guard let mapping = root.mapping else {
            throw ClientError(.configuration, "\(file): expected a mapping of keys to values")
        }
        func string(_ key: String) throws(ClientError) -> String? {
            guard let node = mapping.first(where: { $0.key.scalar?.string == key })?.value else { return nil }
            guard let text = node.scalar?.string, !text.isEmpty else {
                throw ClientError(.configuration, "\(file)\(Self.place(node.mark)): \(key): expected a string")
            }
            return text
        }
        (name, path) = (try string("name"), try string("path"))
    }

    /// Says where the model is, in place of what the text says or in addition to it.
    mutating func setPath(_ path: String) throws(ClientError) {
        guard path != self.path else { return }
        guard let node = root?.mapping?.first(where: { $0.key.scalar?.string == "path" })?.value else {
            return try add(path)
        }
        guard let mark = node.mark, let old = node.scalar?.string, let start = index(of: mark),
            let length = [old, "\"\(old)\"", "'\(old)'"].first(where: { yaml[start...].hasPrefix($0) })?.count
        else {
            throw ClientError(
                .configuration, "\(file)\(Self.place(node.mark)): path: expected it on one line, without escapes")
        }
        yaml.replaceSubrange(start..<yaml.index(start, offsetBy: length), with: Self.quoted(path))
    }

    private mutating func add(_ path: String) throws(ClientError) {
        if let mapping = root?.mapping, let mark = mapping.mark, let start = index(of: mark),
            yaml[start...].first == "{"
        {
            let entry = "\"path\": \(Self.quoted(path))"
            yaml.insert(contentsOf: mapping.isEmpty ? entry : "\(entry), ", at: yaml.index(after: start))
        } else {
            // At the end, so that what is there keeps its lines, and at the column of the other keys.
            let indent = String(repeating: " ", count: (root?.mapping?.first?.key.mark?.column ?? 1) - 1)
            yaml += (yaml.isEmpty || yaml.hasSuffix("\n") ? "" : "\n") + "\(indent)path: \(Self.quoted(path))\n"
        }
        // A text may end in ways that let nothing follow, such as with a line of three dots.
        guard (try? ModelText(yaml, file: file))?.path == path else {
            throw ClientError(.configuration, "\(file): nothing can be added to it, so write \"path\" into it: \(path)")
        }
    }

    /// The text in quotes as JSON and YAML both read it.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    private func index(of mark: Mark) -> String.Index? {
        let scalars = yaml.unicodeScalars
        var index = scalars.startIndex
        for _ in 1..<mark.line {
            guard let end = scalars[index...].firstIndex(of: "\n") else { return nil }
            index = scalars.index(after: end)
        }
        return scalars.index(index, offsetBy: mark.column - 1, limitedBy: scalars.endIndex)
    }

    private static func place(_ mark: Mark?) -> String { mark.map { ":\($0.line):\($0.column)" } ?? "" }

    private static func words(_ error: any Error) -> String {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            "\(place(mark)): not YAML: \(problem)"
        case YamlError.duplicatedKeysInMapping(let names, let context):
            "\(place(context.mark)): \"\(names.first ?? "")\" is given twice"
        default: ": not YAML"
        }
    }
}
