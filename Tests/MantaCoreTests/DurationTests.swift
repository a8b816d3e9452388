import MantaTime
import Testing

@Suite("Durations")
struct DurationTests {
    @Test(
        "scaled as by *, to the nanosecond",
        arguments: [0, 1, 999, 1_000_000_000, 9_300_000_000, -5_000_000_001, 86_400_000_000_000] as [Int64])
    func scaled(_ nanoseconds: Int64) {
        for factor in [0, 0.5, 1, 1.25, 2, 1000, -3] {
            let exact = Duration.nanoseconds(nanoseconds) * factor
            #expect(abs((Duration.nanoseconds(nanoseconds).scaled(by: factor) - exact).nanoseconds) <= 1)
        }
    }

    @Test("what is too long is as long as can be")
    func bounds() {
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(Duration.seconds(Int64.min).nanoseconds == .min)
        #expect(Duration.seconds(Int64.max).scaled(by: 1e300) > .seconds(9_000_000_000))
        #expect(Duration.seconds(Int64.max).scaled(by: -1e300) < .seconds(-9_000_000_000))
    }

    @Test("the difference of two instants is what was added", arguments: [0, 1, -1, 999_999_999, -1_000_000_001, 5e18])
    func difference(_ nanoseconds: Double) {
        let duration = Duration.nanoseconds(Int64(nanoseconds))
        #expect((Instant.origin + duration) - Instant.origin == duration)
    }
}
