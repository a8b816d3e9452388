import Logging
import MantaTelemetry
import Testing

@Suite("Which levels are logged")
struct LogFilterTests {
    @Test("a filter from a level lets it and all that is more severe through", arguments: Logger.Level.allCases)
    func fromLevel(level: Logger.Level) {
        let filter = LogFilter(from: level)

        #expect(filter.lowest == level)
        for other in Logger.Level.allCases { #expect(filter.allows(other) == (other >= level)) }
    }

    @Test("levels are switched one by one, and critical ones are always written")
    func switches() {
        let filter = LogFilter(from: .info)

        filter.set(.info, false)
        filter.set(.notice, false)
        #expect(filter.lowest == .warning)
        filter.set(.warning, false)
        filter.set(.debug, true)
        #expect(filter.lowest == .debug && !filter.allows(.warning) && filter.allows(.error))
        for level in Logger.Level.allCases { filter.set(level, false) }
        #expect(filter.lowest == .critical && filter.allows(.critical))
    }

    @Test("running loggers follow their filter, unless they have a level of their own")
    func loggers() {
        let filter = LogFilter(from: .warning)
        let following = Logger(label: "test") { _ in LineLogHandler(filter: filter) }
        var own = following
        own.logLevel = .error

        filter.set(.debug, true)

        #expect(following.logLevel == .debug)
        #expect(own.logLevel == .error)
    }
}
