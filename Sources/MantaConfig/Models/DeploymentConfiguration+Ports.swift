import FoundationEssentials
import MantaCore
import MantaServing

extension DeploymentConfiguration {
    /// Reads what clients see of a model's inputs and outputs.
    mutating func readPorts(_ keys: inout MappingReader, folder: String) {
        keys.mappings("inputs", required: ["name"]) { keys in
            var port = TensorPort(name: "")
            port.read(&keys, after: inputs)
            keys.value("optional", .flag) { port.isOptional = $0 }
            keys.value("format", .word()) { port.format = $0 }
            keys.mapping("padding", required: ["dimension", "buckets"]) { port.padding = .init(&$0) }
            if let fault = port.paddingFault(isBatched: (batching.maxRows ?? 0) > 0) { keys.fault("padding", fault) }
            inputs.append(port)
        }
        keys.mappings("outputs", required: ["name"]) { keys in
            var port = TensorPort(name: "")
            port.read(&keys, after: outputs)
            port.readLabels(&keys, folder: folder)
            keys.list("padded_dimensions", of: .dimension) { port.paddedDimensions = $0 }
            outputs.append(port)
        }
        if let fault = paddingFault { keys.fault(fault.key, fault.message) }
    }

    /// Reads what is run before a version is ready.
    mutating func readSamples(_ keys: inout MappingReader, folder: String) {
        keys.mappings("samples", required: ["inputs"]) { keys in
            var sample = WarmupSample(name: "\(warmupSamples.count)")
            keys.value("name", .text) { sample.name = $0 }
            keys.value("rows", .integer(in: Batching.allowedRows)) { sample.rows = $0 }
            keys.value("count", .integer(in: WarmupSample.allowedCounts)) { sample.count = $0 }
            keys.mappings("inputs", required: ["name", "datatype", "shape"]) { keys in
                var input = WarmupSample.Input("", .fp32, [], .zeros)
                keys.value("name", .text) { input.name = $0 }
                keys.value("datatype", .word()) { input.dataType = $0 }
                keys.list("shape", of: .integer(in: 0...Int(Int32.max))) { input.shape = $0 }
                keys.value("data", .word(["zeros": .zeros, "random": .random])) { input.content = $0 }
                var file: String?
                keys.value("file", .path(in: folder)) { file = $0 }
                if let file {
                    let found = WarmupSample.DataFile(at: file)
                    if let found {
                        input.content = .file(found)
                    } else {
                        keys.fault("file", "there is no file \(file)")
                    }
                }
                if keys.form(of: "data") != nil, keys.form(of: "file") != nil {
                    keys.fault("file", "expected one of \"data\" and \"file\"")
                }
                sample.inputs.append(input)
            }
            warmupSamples.append(sample)
        }
    }
}

extension WarmupSample {
    /// How often a sample may be run.
    static let allowedCounts = 1...10_000
}

extension TensorPort {
    fileprivate mutating func read(_ keys: inout MappingReader, after others: [TensorPort]) {
        keys.value("name", .text) { name = $0 }
        if others.contains(where: { $0.name == name }) {
            keys.fault("name", "\(ScalarValue.quoted(name)) is given twice")
        }
        keys.value("datatype", .word()) { dataType = $0 }
        keys.list("shape", of: .size) { shape = $0 }
        keys.list("reshape", of: .size) { reshape = $0 }
        if reshape != nil, shape == nil { keys.fault("reshape", "expected \"shape\" beside it") }
        if let fault = reshapeFault { keys.fault("reshape", fault) }
    }

    fileprivate mutating func readLabels(_ keys: inout MappingReader, folder: String) {
        if keys.form(of: "labels") == .list {
            return keys.list("labels", of: .label, isEmptyAllowed: false) { labels = .init(names: $0) }
        }
        var file: String?
        keys.value("labels", .path(in: folder)) { file = $0 }
        do throws(ConfigurationErrors) {
            if let file { labels = try .init(file: file) }
        } catch {
            keys.fault("labels", error.description)
        }
    }
}

extension TensorPort.Padding {
    /// The sizes that a bucket may have: more positions than any text has, and not so many that their bytes can't be
    /// counted.
    private static let allowedBuckets = 1...16_777_216

    /// Reads how an input is padded; `nil` if what it can't do without is wrong.
    fileprivate init?(_ keys: inout MappingReader) {
        var (dimension, buckets, value): (Int?, [Int], Value) = (nil, [], .integer(0))
        keys.value("dimension", .dimension) { dimension = $0 }
        keys.list("buckets", of: .integer(in: Self.allowedBuckets), isEmptyAllowed: false) { buckets = $0 }
        keys.value("value", .padding) { value = $0 }
        if let pair = zip(buckets, buckets.dropFirst()).first(where: { $0 >= $1 }) {
            keys.fault("buckets", "expected sizes that grow, found \(pair.1) after \(pair.0)")
        }
        guard let dimension, !buckets.isEmpty else { return nil }
        self.init(dimension: dimension, buckets: buckets, value: value)
    }
}

extension TensorPort.Labels {
    /// The most that a file of labels may have.
    private static let maxBytes = 4 << 20

    /// Reads a file of labels, one to a line.
    ///
    /// - Throws: ``ConfigurationErrors`` if it can't be read.
    init(file: String) throws(ConfigurationErrors) {
        let text = try SourceText.read(file, maxBytes: Self.maxBytes)
        // By bytes: to Swift, a carriage return and the line feed after it are one letter.
        let newline = UInt8(ascii: "\n")
        var lines = text.utf8.split(separator: newline, omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
        if lines.last?.isEmpty == true { lines.removeLast() }
        self.init(path: file, names: lines)
    }
}

extension WarmupSample.DataFile {
    /// The file at a path; `nil` if there is none.
    init?(at path: String) {
        // Of the file itself, where the path is a link to it.
        let file = URL(filePath: path).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: file),
            attributes[.type] as? FileAttributeType == .typeRegular
        else { return nil }
        let modified = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        self.init(path: path, stamp: "\(attributes[.size] ?? 0) \(attributes[.systemFileNumber] ?? 0) \(modified)")
    }
}

extension Kind<Int> {
    /// The size of a dimension.
    static var size: Self {
        let sizes = integer(in: -1...Int(Int32.max))
        return Kind(expected: "a size from 1 to \(Int32.max), or -1 for any") { scalar in
            sizes.value(scalar).flatMap { $0 == 0 ? nil : $0 }
        }
    }
}

extension Kind<Int> {
    /// A dimension other than the batch.
    fileprivate static var dimension: Self {
        let numbers = integer(in: 1...63)
        return Kind(expected: "a dimension from 1 to 63, the batch being 0", value: numbers.value)
    }
}

extension Kind<TensorPort.Padding.Value> {
    /// What an input is filled up with.
    fileprivate static var padding: Self {
        Kind(expected: "a number") { scalar in
            switch scalar {
            case .integer(let text): Int64(text).map(Value.integer)
            case .decimal(let text): Double(text).flatMap { $0.isFinite ? .decimal($0) : nil }
            default: nil
            }
        }
    }
}

extension Kind<String> {
    /// What a class is called. Numbers are names too.
    fileprivate static var label: Self {
        Kind(expected: "a name") { scalar in
            switch scalar {
            case .string(let text), .integer(let text), .decimal(let text): text
            default: nil
            }
        }
    }

    /// A text.
    static var text: Self {
        Kind(expected: "a name (a string)") { scalar in
            guard case .string(let text) = scalar, !text.isEmpty else { return nil }
            return text
        }
    }

    /// The name of a file, without a folder.
    static var fileName: Self {
        Kind(expected: "the name of a file, without a folder") { scalar in
            guard case .string(let name) = scalar, name.isFileName else { return nil }
            return name
        }
    }
}

extension String {
    /// Whether this can be the name of a file in a folder.
    var isFileName: Bool { !isEmpty && !contains("/") && !contains("\0") && self != "." && self != ".." }
}
