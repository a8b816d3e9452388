import MantaCore
import Testing

@Suite("The address of a model on another server")
struct RemoteAddressTests {
    @Test(
        "one of a model, or of a version of it, is taken",
        arguments: [
            ("http://10.0.0.5:8000/v2/models/m", nil), ("https://host/v2/models/m/", nil),
            ("http://[::1]:80/v2/models/a%20b/versions/3", 3), ("http://h/v2/models/m@1-0a/versions/1", 1),
        ] as [(String, Int?)])
    func sound(url: String, version: Int?) throws {
        let address = try #require(RemoteAddress(url))
        #expect(address.version == version)
        #expect(RemoteAddress(address.description) == address)
        #expect(url.hasPrefix(address.server))
    }

    @Test(
        "anything else isn't",
        arguments: [
            "", "http://", "http:///v2/models/m", "ftp://h/v2/models/m", "http://h/v2/models", "http://h/v2/models//m",
            "http://h/v1/models/m", "http://h/v2/models/m/infer", "http://h/v2/models/m/versions/0",
            "http://h/v2/models/m/versions/x", "http://a b/v2/models/m", "http://h/v2/models/a b",
            "http://h/v2/models/m?x", "http://h/v2/models/m#x", "http://h\n/v2/models/m", "http://u@h/v2/models/m",
        ])
    func wrong(url: String) {
        #expect(RemoteAddress(url) == nil)
    }
}
