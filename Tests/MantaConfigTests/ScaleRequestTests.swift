import Testing

@testable import MantaConfig

@Suite("A request to scale")
struct ScaleRequestTests {
    @Test(
        "says a number, bounds, or who decides",
        arguments: [
            ("{\"replicas\": 3}", ScaleRequest.pinned(3)),
            ("{\"replicas\": 0}", .pinned(0)),
            ("{\"replicas\": 2, \"autoscale\": false}", .pinned(2)),
            ("{\"min\": 1, \"max\": 8}", .automatic(min: 1, max: 8)),
            ("{\"min\": 0}", .automatic(min: 0, max: nil)),
            ("{\"max\": 4, \"autoscale\": true}", .automatic(min: nil, max: 4)),
            ("{\"autoscale\": true}", .automatic(min: nil, max: nil)),
            ("{\"autoscale\": false}", .configured),
        ])
    func reads(json: String, request: ScaleRequest) throws {
        #expect(try ScaleRequest(json: json) == request)
    }

    @Test(
        "is refused with what is wrong",
        arguments: [
            ("{}", "body: expected \"replicas\", \"min\" and \"max\", or \"autoscale\", found none of them"),
            (
                "{\"replicas\": 3, \"max\": 4}",
                "body: \"replicas\" pins the number, \"min\", \"max\" and \"autoscale\" free it: expected one of both"
            ),
            (
                "{\"replicas\": 3, \"autoscale\": true}",
                "body: \"replicas\" pins the number, \"min\", \"max\" and \"autoscale\" free it: expected one of both"
            ),
            ("{\"min\": 1, \"autoscale\": false}", "body: \"min\" and \"max\" mean nothing with \"autoscale\": false"),
            ("{\"min\": 5, \"max\": 4}", "body: \"min\" is 5, more than \"max\", which is 4"),
            ("{\"replicas\": 1025}", "body:1:14: replicas: expected a whole number from 0 to 1024, found 1025"),
            ("{\"max\": 0}", "body:1:9: max: expected a whole number from 1 to 1024, found 0"),
            (
                "{\"replica\": 1}",
                "body:1:2: unknown key \"replica\", did you mean \"replicas\"? allowed here: replicas, min, max, autoscale"
            ),
        ])
    func refuses(json: String, fault: String) {
        let error = #expect(throws: ConfigurationErrors.self) { try ScaleRequest(json: json) }

        #expect(error?.faults.map(\.description) == [fault])
    }
}
