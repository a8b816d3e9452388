import MantaCore
import Testing

@Suite("Errors")
struct ServingErrorTests {
    @Test("a message stays as it is, unless a client's long name makes it long")
    func length() {
        let name = String(repeating: "é", count: 1_000_000)

        let short = ServingError(.invalidRequest, "input \"\(name.prefix(900))\": shape is missing")
        let long = ServingError(.invalidRequest, "input \"\(name)\": shape is missing")

        #expect(short.message == "input \"\(name.prefix(900))\": shape is missing")
        #expect(long.message.utf8.count < 4096)
        #expect(long.message.hasPrefix("input \"éé"))
        #expect(long.message.contains("é…é"))
        #expect(long.message.hasSuffix("éé\": shape is missing"))
    }
}
