import MantaCore
import Testing

@Suite("Trace context")
struct TraceContextTests {
    private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    private static let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test("a traceparent is taken as it is, one of a later version too", arguments: [parent, later, "\(later)-more"])
    func taken(parent: String) throws {
        let trace = try #require(TraceContext(parent: parent, states: ["a=1"]))

        #expect(trace.parent == parent && trace.state == "a=1")
        #expect(trace.id == "4bf92f3577b34da6a3ce929d0e0e4736")
    }

    private static let others: [String] = [
        "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "\(parent)-", "\(parent)-01", "\(parent) ",
        "\(later).more", "\(later)-\n", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
    ]

    @Test("what isn't a traceparent is no trace", arguments: others)
    func malformed(parent: String) {
        #expect(TraceContext(parent: parent) == nil)
    }

    @Test("several fields tracestate are one list; what can't be one is left out")
    func states() {
        #expect(TraceContext(parent: Self.parent)?.state == nil)
        #expect(TraceContext(parent: Self.parent, states: [""])?.state == nil)
        #expect(TraceContext(parent: Self.parent, states: ["a=1", "b=2,c=3"])?.state == "a=1,b=2,c=3")
        #expect(TraceContext(parent: Self.parent, states: ["a=\u{7}"])?.state == nil)
        #expect(TraceContext(parent: Self.parent, states: ["a=é"])?.state == nil)
    }

    @Test("of a tracestate that is too long the oldest entries go, which are last")
    func long() {
        let entries = (0..<40).map { "vendor\($0)=" + String(repeating: "x", count: 20) }

        let state = TraceContext(parent: Self.parent, states: [entries.joined(separator: ",")])?.state ?? ""

        #expect(state.utf8.count <= 512 && state.utf8.count > 512 - 30)
        #expect(entries.joined(separator: ",").hasPrefix(state + ",vendor"))
        #expect(TraceContext(parent: Self.parent, states: [String(repeating: "x", count: 600)])?.state == nil)
    }
}
