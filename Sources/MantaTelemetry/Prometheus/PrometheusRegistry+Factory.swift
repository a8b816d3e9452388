public import CoreMetrics

extension PrometheusRegistry: MetricsFactory {
    /// A counter.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions) { CounterSeries() }
    }

    /// A histogram if it aggregates, else a gauge.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return series(label, dimensions) { GaugeSeries() } }
        return series(label, dimensions) { HistogramSeries(bounds: HistogramSeries.sizeBounds) }
    }

    /// A gauge.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions) { GaugeSeries() }
    }

    /// A histogram of seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions) { HistogramSeries(bounds: HistogramSeries.secondBounds) }
    }

    /// Removes a counter that nobody else made too. What is counted by it then is shown nowhere.
    public func destroyCounter(_ handler: any CounterHandler) { destroy(handler) }

    /// Removes a recorder that nobody else made too.
    public func destroyRecorder(_ handler: any RecorderHandler) { destroy(handler) }

    /// Removes a meter that nobody else made too.
    public func destroyMeter(_ handler: any MeterHandler) { destroy(handler) }

    /// Removes a timer that nobody else made too.
    public func destroyTimer(_ handler: any TimerHandler) { destroy(handler) }
}
