import Logging
import MantaHTTP
import MantaTestKit
import Testing

@Suite("Listeners for operators that others could reach")
struct ExposureTests {
    private func configuration(_ host: String) -> HTTPServerConfiguration {
        var configuration = HTTPServerConfiguration()
        configuration.name = "admin"
        configuration.isForOperators = true
        configuration.host = host
        return configuration
    }

    @Test("without credentials it isn't opened, and three ways out are told", arguments: ["0.0.0.0", "::", "", "box"])
    func refused(host: String) {
        var configuration = configuration(host)
        configuration.port = 8002
        let server = HTTPServer(
            configuration: configuration, routes: Routes(), logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() }
        )
        let error = #expect(throws: HTTPServerError.self) { try server.start() }

        let address = host.contains(":") ? "[\(host)]:8002" : "\(host):8002"
        #expect(
            error?.description
                == "the admin listener would be open to other machines on \(address) without credentials, "
                + "and whoever reaches it can change what is served: name a file of tokens in admin.credentials, listen "
                + "on this machine only (admin.listen: 127.0.0.1:8002), or say admin.insecure: true if nobody else can "
                + "reach that address")
        #expect(configuration.faults == error?.faults)
    }

    @Test(
        "on this machine only it needs none",
        arguments: ["127.0.0.1", "127.1.2.3", "::1", "0:0:0:0:0:0:0:1", "LocalHost"])
    func loopback(host: String) {
        #expect(configuration(host).faults == [])
    }

    @Test("it is opened if that is asked for, or isn't for operators")
    func asked() {
        var configuration = configuration("0.0.0.0")
        configuration.isInsecureAllowed = true
        #expect(configuration.faults == [])

        configuration.isInsecureAllowed = false
        configuration.isForOperators = false
        #expect(configuration.faults == [])
    }

    @Test("all that is wrong with a listener's files is told at once")
    func files() throws {
        let folder = try TemporaryFolder()
        try folder.write("not a certificate", to: "c.pem")
        var configuration = configuration("127.0.0.1")
        configuration.tls = TLSFiles(certificate: folder.path + "/c.pem", key: folder.path + "/k.pem")
        configuration.credentials = folder.path + "/t.txt"

        #expect(
            configuration.faults.map(\.description) == [
                "\(folder.path)/c.pem: it isn't a PEM file",
                "\(folder.path)/k.pem: it can't be read: No such file or directory",
                "\(folder.path)/t.txt: it can't be read: No such file or directory",
            ])
    }
}
