import Yams

/// Reads one mapping of a file, key by key, and notes everything that is wrong with it.
///
/// Each key is written once, with its kind and where its value goes:
///
///     keys.value("threads", .integer(in: 1...1024)) { options.threads = $0 }
///
/// A key that was never asked for is unknown.
struct MappingReader {
    /// What was wrong so far.
    private(set) var faults: [ConfigurationFault] = []

    private let document: Document
    /// The key of this mapping with those of the mappings around it, such as `http.limits`; empty for the whole file.
    private let path: String
    private let entries: [Entry]
    private let isMapping: Bool
    private var known: [String] = []
    private var planned: [String] = []

    private struct Entry {
        let name: String
        let key: Node
        let value: Node
    }

    /// Reads a whole file.
    ///
    /// - Parameters:
    ///   - text: What the file holds.
    ///   - file: Its path, for messages.
    ///   - read: Takes the file's keys.
    /// - Returns: The file's faults in the order of its lines.
    static func faults(in text: String, file: String, read: (inout MappingReader) -> Void) -> [ConfigurationFault] {
        do throws(ConfigurationErrors) {
            let document = try Document(text, file: file)
            guard let root = document.root else { return [] }
            let faults = faults(in: document, root, path: "", read: read)
            return faults.sorted { ($0.line ?? 0, $0.column ?? 0) < ($1.line ?? 0, $1.column ?? 0) }
        } catch {
            return error.faults
        }
    }

    private static func faults(
        in document: Document, _ node: Node, path: String, read: (inout MappingReader) -> Void
    ) -> [ConfigurationFault] {
        var reader = MappingReader(document, node, path: path)
        read(&reader)
        reader.finish()
        return reader.faults
    }

    private init(_ document: Document, _ node: Node, path: String) {
        self.document = document
        self.path = path
        // A key whose own keys are all commented out is left with nothing.
        isMapping = node.isUntagged && node.mapping != nil || ScalarValue(node) == .nothing
        guard isMapping else {
            entries = []
            expected("a mapping of keys to values", at: node)
            return
        }
        let mapping = node.mapping ?? [:]
        entries = mapping.compactMap { key, value in
            document.name(of: key).map { Entry(name: $0, key: key, value: value) }
        }
        for (key, _) in mapping where document.name(of: key) == nil {
            fault(at: key.mark, "expected a key, found \(key.summary)")
        }
        var first: [String: Mark] = [:]
        for entry in entries {
            if let mark = first[entry.name] {
                fault(
                    at: entry.key.mark, "\(ScalarValue.quoted(entry.name)) is given twice, first in line \(mark.line)")
            }
            first[entry.name] = first[entry.name] ?? entry.key.mark
        }
    }

    // MARK: Keys

    /// A key with a single value.
    mutating func value<Value>(_ key: String, _ kind: Kind<Value>, store: (Value) -> Void) {
        for entry in take(key) {
            if let value = read(entry.value, kind, key) { store(value) }
        }
    }

    /// A key with a list of values, of which `store` gets those that are right.
    mutating func list<Value>(
        _ key: String, of kind: Kind<Value>, isEmptyAllowed: Bool = true, store: ([Value]) -> Void
    ) {
        for entry in take(key) {
            let expectation = "a list, each \(kind.expected)"
            guard case .sequence(let nodes) = entry.value, entry.value.isUntagged else {
                expected(expectation, at: entry.value, key)
                continue
            }
            if nodes.isEmpty, !isEmptyAllowed {
                fault(at: entry.value.mark, "expected \(expectation), found an empty list", key)
            }
            store(nodes.compactMap { read($0, kind, key) })
        }
    }

    /// A key with keys of its own. `required` must be among them.
    mutating func mapping(_ key: String, required: [String] = [], read: (inout MappingReader) -> Void) {
        for entry in take(key) { self.read(entry.value, key, required: required, read) }
    }

    /// A key with names that are the writer's own, each with a value.
    mutating func named<Value>(_ key: String, _ kind: Kind<Value>, store: ([String: Value]) -> Void) {
        mapping(key) { keys in
            var values: [String: Value] = [:]
            for entry in keys.entries where !keys.known.contains(entry.name) {
                guard entry.name.isName else {
                    keys.known.append(entry.name)
                    let expected = "a name of at most 256 bytes without spaces and ="
                    keys.fault(at: entry.key.mark, "expected \(expected), found \(ScalarValue.quoted(entry.name))")
                    continue
                }
                keys.value(entry.name, kind) { values[entry.name] = $0 }
            }
            store(values)
        }
    }

    /// A key with a list of mappings, of each of which `required` must be among the keys.
    mutating func mappings(_ key: String, required: [String] = [], read: (inout MappingReader) -> Void) {
        for entry in take(key) {
            guard case .sequence(let nodes) = entry.value, entry.value.isUntagged else {
                expected("a list, each a mapping of keys to values", at: entry.value, key)
                continue
            }
            for (index, node) in nodes.enumerated() { self.read(node, "\(key)[\(index)]", required: required, read) }
        }
    }

    private mutating func read(
        _ node: Node, _ key: String, required: [String], _ read: (inout MappingReader) -> Void
    ) {
        faults += Self.faults(in: document, node, path: path(key)) { keys in
            read(&keys)
            guard keys.isMapping else { return }
            for name in required where !keys.entries.contains(where: { $0.name == name }) {
                keys.fault(at: node.mark, "the key \(ScalarValue.quoted(name)) is missing")
            }
        }
    }

    /// What the value of a key looks like, for keys that take several forms.
    func form(of key: String) -> Form? {
        entries.first { $0.name == key }.map {
            switch $0.value {
            case .mapping: .mapping
            case .sequence: .list
            default: .single
            }
        }
    }

    /// What a value looks like.
    enum Form {
        case single, list, mapping
    }

    /// Keys that are documented as plans: they are refused, since to ignore them would promise what doesn't happen.
    mutating func notYetSupported(_ keys: String...) {
        planned += keys
    }

    // MARK: Faults

    /// Says what is wrong with the value of a key that could be read by itself.
    mutating func fault(_ key: String, _ message: String) {
        fault(at: entries.first { $0.name == key }?.value.mark, message, key)
    }

    private mutating func take(_ key: String) -> [Entry] {
        if !known.contains(key) { known.append(key) }
        return entries.filter { $0.name == key }
    }

    private mutating func read<Value>(_ node: Node, _ kind: Kind<Value>, _ key: String) -> Value? {
        guard let value = ScalarValue(node).flatMap(kind.value) else {
            expected(kind.expected, at: node, key)
            return nil
        }
        return value
    }

    private mutating func finish() {
        for entry in entries where !known.contains(entry.name) {
            guard !planned.contains(entry.name) else {
                fault(at: entry.key.mark, "not supported yet", entry.name)
                continue
            }
            let guess =
                NearestWord.find(entry.name, among: known).map { ", did you mean \(ScalarValue.quoted($0))?" } ?? ";"
            let allowed = known.joined(separator: ", ")
            fault(at: entry.key.mark, "unknown key \(ScalarValue.quoted(entry.name))\(guess) allowed here: \(allowed)")
        }
    }

    private mutating func expected(_ what: String, at node: Node, _ key: String? = nil) {
        fault(at: node.mark, "expected \(what), found \(node.summary)", key)
    }

    private mutating func fault(at mark: Mark?, _ message: String, _ key: String? = nil) {
        let path = path(key)
        faults.append(document.fault(at: mark, path.isEmpty ? message : "\(path): \(message)"))
    }

    private func path(_ key: String?) -> String {
        guard let key else { return path }
        return path.isEmpty ? key : "\(path).\(key)"
    }
}
