import MantaHTTP
import Logging

extension ServerConfiguration {
    /// Reads a `manta.yaml`. What it leaves out has its default.
    ///
    /// - Throws: ``ConfigurationErrors`` with every fault of the file.
    public init(file: String) throws(ConfigurationErrors) {
        let (configuration, faults) = Self.read(file: file)
        guard faults.isEmpty else { throw ConfigurationErrors(faults: faults) }
        self = configuration
    }

    /// Reads a `manta.yaml` as far as it is right, for whoever wants to go on and find what else is wrong.
    ///
    /// - Returns: What the file says where it is right, the defaults elsewhere, and the file's faults.
    public static func read(file: String) -> (configuration: ServerConfiguration, faults: [ConfigurationFault]) {
        do throws(ConfigurationErrors) {
            return read(yaml: try SourceText.read(file), file: file)
        } catch {
            return (ServerConfiguration(), error.faults)
        }
    }

    /// Reads the text of a `manta.yaml`.
    ///
    /// - Parameters:
    ///   - yaml: The text.
    ///   - file: What messages call it. Relative paths in the text begin at its folder.
    /// - Returns: What the text says where it is right, the defaults elsewhere, and the text's faults.
    package static func read(
        yaml: String, file: String
    ) -> (configuration: ServerConfiguration, faults: [ConfigurationFault]) {
        var configuration = ServerConfiguration()
        let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
        let faults = MappingReader.faults(in: yaml, file: file) { configuration.read(&$0, folder: folder) }
        return (configuration, faults)
    }

    /// Relative paths begin at `folder`, which is the file's, with a slash at its end.
    private mutating func read(_ keys: inout MappingReader, folder: String) {
        keys.list("models", of: .path(in: folder)) { repositories = $0 }
        keys.list("model_files", of: .path(in: folder)) { modelFiles = $0 }
        keys.mapping("http") { http.read(&$0, folder: folder) }
        keys.mapping("grpc") { grpc.read(&$0, folder: folder) }
        keys.mapping("admin") { keys in
            admin.read(&keys, folder: folder)
            keys.value("insecure", .flag) { admin.isInsecureAllowed = $0 }
        }
        keys.value("model_control", .flag) { allowsModelControl = $0 }
        keys.value("shared_memory", .flag) { allowsSharedMemory = $0 }
        keys.value("trace_file", .path(in: folder)) { traceFile = $0 }
        keys.value("state", .path(in: folder)) { stateFolder = $0 }
        keys.mapping("logging") { keys in
            keys.value("level", .word()) { logLevel = $0 }
        }
        keys.mapping("fleet", required: ["etcd"]) { keys in
            var fleet = FleetConfiguration(endpoints: [])
            fleet.read(&keys, folder: folder)
            self.fleet = fleet
        }
        keys.mapping("onnxruntime") { keys in
            keys.value("library", .path(in: folder)) { engineLibrary = $0 }
        }
    }
}

extension HTTPServerConfiguration {
    fileprivate mutating func read(_ keys: inout MappingReader, folder: String) {
        keys.value("listen", .endpoint) { (host, port) = ($0.host, $0.port) }
        keys.value("threads", .integer(in: 1...256)) { threads = $0 }
        keys.tls(in: folder) { tls = $0 }
        keys.value("credentials", .path(in: folder)) { credentials = $0 }
        keys.list("hosts", of: .hostName) { hosts = $0 }
        keys.value("access_log", .flag) { accessLog = $0 }
        keys.value("cancel_on_half_close", .flag) { cancelOnHalfClose = $0 }
        keys.value("drain_timeout_s", .seconds(in: 0...86_400)) { drainTimeout = $0 }
        keys.mapping("limits") { limits.read(&$0) }
    }
}

extension GRPCServerConfiguration {
    fileprivate mutating func read(_ keys: inout MappingReader, folder: String) {
        keys.value("listen", .endpointOrOff) { endpoint = $0 }
        keys.value("threads", .integer(in: 1...256)) { threads = $0 }
        keys.tls(in: folder) { tls = $0 }
        keys.value("credentials", .path(in: folder)) { credentials = $0 }
        keys.value("access_log", .flag) { accessLog = $0 }
        keys.value("drain_timeout_s", .seconds(in: 0...86_400)) { drainTimeout = $0 }
        keys.mapping("limits") { limits.read(&$0) }
    }
}

extension FleetConfiguration {
    fileprivate mutating func read(_ keys: inout MappingReader, folder: String) {
        keys.list("etcd", of: .etcdEndpoint, isEmptyAllowed: false) { endpoints = $0 }
        keys.value("prefix", .text) { prefix = $0 }
        keys.value("token_file", .path(in: folder)) { tokenFile = $0 }
        keys.value("advertise", .text) { advertised = $0 }
        keys.value("ca", .path(in: folder)) { trustRoots = $0 }
        keys.mapping("certificate", required: ["certificate", "key"]) { keys in
            var (file, key) = ("", "")
            keys.value("certificate", .path(in: folder)) { file = $0 }
            keys.value("key", .path(in: folder)) { key = $0 }
            certificate = (file, key)
        }
        keys.mapping("user", required: ["name", "password_file"]) { keys in
            var (name, passwordFile) = ("", "")
            keys.value("name", .text) { name = $0 }
            keys.value("password_file", .path(in: folder)) { passwordFile = $0 }
            user = (name, passwordFile)
        }
        NodesConfiguration.read(&keys, folder: folder) { nodes = $0 }
    }
}

extension Kind<String> {
    /// Where a member of etcd answers.
    fileprivate static var etcdEndpoint: Self {
        Kind(expected: "http://host:port or https://host:port") { scalar in
            guard case .string(let url) = scalar, url.wholeMatch(of: /https?:\/\/[^\/\s]+\/?/) != nil else {
                return nil
            }
            return url
        }
    }
}

extension MappingReader {
    /// The files of a certificate.
    fileprivate mutating func tls(in folder: String, store: (TLSFiles) -> Void) {
        mapping("tls", required: ["certificate", "key"]) { keys in
            var files = TLSFiles(certificate: "", key: "")
            keys.value("certificate", .path(in: folder)) { files.certificate = $0 }
            keys.value("key", .path(in: folder)) { files.key = $0 }
            store(files)
        }
    }
}

extension Kind<String> {
    /// A name as it stands in `Host`, without the port.
    fileprivate static var hostName: Self {
        Kind(expected: "a host name, such as manta.example.com") { scalar in
            guard case .string(let name) = scalar, name.wholeMatch(of: /[A-Za-z0-9._-]{1,253}/) != nil else {
                return nil
            }
            return name
        }
    }
}

extension GRPCLimits {
    fileprivate mutating func read(_ keys: inout MappingReader) {
        keys.value("connections", .integer(in: 1...1_000_000)) { connections = $0 }
        keys.value("concurrent_streams", .integer(in: 1...1_000_000)) { concurrentStreams = $0 }
        keys.value("requests_per_stream", .integer(in: 1...1000)) { requestsPerStream = $0 }
        keys.value("message_bytes", .bytes(in: 1...2047 << 20)) { messageBytes = $0 }
        keys.value("message_timeout_s", .seconds(in: 0.1...86_400)) { messageTimeout = $0 }
        keys.value("idle_timeout_s", .seconds(in: 0.1...86_400)) { idleTimeout = $0 }
        keys.value("keepalive_s", .seconds(in: 1...86_400)) { keepalive = $0 }
    }
}

extension HTTPLimits {
    fileprivate mutating func read(_ keys: inout MappingReader) {
        keys.value("connections", .integer(in: 1...1_000_000)) { connections = $0 }
        keys.value("connections_per_address", .integer(in: 0...1_000_000)) { connectionsPerAddress = $0 }
        keys.value("header_bytes", .bytes(in: 1 << 10...1 << 20)) { headerBytes = $0 }
        keys.value("body_bytes", .bytes(in: 1...1 << 40)) { bodyBytes = $0 }
        keys.value("header_timeout_s", .seconds(in: 0.1...86_400)) { headerTimeout = $0 }
        keys.value("body_timeout_s", .seconds(in: 0.1...86_400)) { bodyTimeout = $0 }
        keys.value("handler_timeout_s", .seconds(in: 0.1...86_400)) { handlerTimeout = $0 }
        keys.value("idle_timeout_s", .seconds(in: 0.1...86_400)) { idleTimeout = $0 }
    }
}
