extension Measurement {
    /// Why a candidate must not go on; `nil` if it may. `self` is what was measured since it came into force.
    func fault(against baseline: Measurement, ongoing: Int) -> String? {
        if failed >= 3, failedShare > baseline.failedShare + 0.01 {
            return "\(failed) of \(answered + failed) requests failed"
        }
        if late >= 3, lateShare > baseline.lateShare + 0.1 {
            return "\(late) of \(answered) answers came later than the objective"
        }
        if Double(ongoing) > 3 * baseline.ongoing + 20 {
            return "\(ongoing) requests were waiting or running, \(baseline.ongoing.shown) did before"
        }
        let isSlow =
            answered >= 50 && meanTime > 1.5 * baseline.meanTime || answered >= 20 && meanTime > 2 * baseline.meanTime
        if length >= 0.2, isSlow, rate < 1.05 * baseline.rate {
            return "\((meanTime * 1000).shown) ms on average, it was \((baseline.meanTime * 1000).shown) before"
        }
        if answered == 0, ongoing > 0, length > 1 + 10 * baseline.meanTime, length * baseline.rate > 10 {
            return "no answer in \(length.shown) s"
        }
        return nil
    }
}
