import MantaCore
import Testing

@testable import MantaGateway

@Suite("Server-Timing")
struct ServerTimingTests {
    @Test("milliseconds with three digits behind the point, whatever the times are")
    func digits() {
        var timing = InferenceTiming()
        timing.queue = .microseconds(7)
        timing.input = .microseconds(90)
        timing.output = .microseconds(10)
        timing.run = .nanoseconds(1_234_567_999)
        #expect(
            ServerTiming.header(timing, total: .seconds(3600))
                == "queue;dur=0.007, batch;dur=0.100, run;dur=1234.567, total;dur=3600000.000")
    }

    @Test("the cache is named where the answer is from it, and no time is below zero")
    func cache() {
        var timing = InferenceTiming()
        timing.cache = .hit
        timing.lookup = .microseconds(12)
        timing.queue = .microseconds(-5)
        #expect(
            ServerTiming.header(timing, total: .milliseconds(1))
                == "queue;dur=0.000, batch;dur=0.000, run;dur=0.000, cache;desc=hit;dur=0.012, total;dur=1.000")
    }

    @Test("the longest times that there are fit")
    func longest() {
        var timing = InferenceTiming()
        timing.cache = .hit
        (timing.queue, timing.input, timing.run) = (.seconds(Int64.max), .seconds(Int64.max), .seconds(Int64.max))
        timing.lookup = .seconds(Int64.max)
        let header = ServerTiming.header(timing, total: .seconds(Int64.max))
        #expect(header.hasSuffix("total;dur=9223372036854.775"))
    }
}
