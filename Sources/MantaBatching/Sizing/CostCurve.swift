import MantaCore
import MantaTime

/// What a batch of n rows costs, learned from the batches that ran.
///
/// Sizes are kept in classes that double (1, 2, 3–4, 5–8, …): for each the exponentially weighted means of rows and
/// time, so that the curve follows a model whose cost drifts, and what a row took in each of the last batches, whose
/// median a machine that is busy with something else for a moment doesn't change.
public struct CostCurve: Sendable, Hashable {
    /// What is known of one class of sizes.
    public struct Point: Sendable, Hashable {
        /// Mean rows of its batches.
        public private(set) var rows: Double
        /// Mean seconds of a run.
        public private(set) var seconds: Double
        /// How many batches were seen.
        public private(set) var samples = 0
        /// Seconds for a row in each of the last batches, in a circle.
        private var recent = SIMD16<Double>()

        /// Rows in a second of one replica's time: those of the median batch among the last.
        public var rowsPerSecond: Double { 1 / max(secondsPerRow, 1e-9) }

        /// The median batch's.
        fileprivate var secondsPerRow: Double {
            let count = min(samples, recent.scalarCount)
            let sorted = (0..<count).map { recent[$0] }.sorted()
            return sorted[count / 2]
        }

        fileprivate init(rows: Double, seconds: Double) {
            (self.rows, self.seconds) = (rows, seconds)
            add(rows: rows, seconds: seconds)
        }

        fileprivate mutating func add(rows newRows: Double, seconds newSeconds: Double) {
            // The first few count in full, so that one slow first run doesn't linger.
            let weight = max(0.05, 1 / Double(samples + 1))
            rows += weight * (newRows - rows)
            seconds += weight * (newSeconds - seconds)
            recent[samples % recent.scalarCount] = newSeconds / max(newRows, 1)
            samples += 1
        }
    }

    /// By class: 0 is one row, 1 is two, 2 is 3 and 4, 3 is 5 to 8, and so on; `nil` where nothing is known.
    public private(set) var points: [Point?] = []

    /// A curve of which nothing is known.
    public init() {}

    /// The class that batches of so many rows are in.
    public static func sizeClass(rows: Int) -> Int {
        rows <= 1 ? 0 : Int.bitWidth - (rows - 1).leadingZeroBitCount
    }

    /// The most rows of a class.
    public static func maxRows(sizeClass: Int) -> Int { 1 << sizeClass }

    /// A batch of `rows` took `time`.
    public mutating func record(rows: Int, time: Duration) {
        let index = Self.sizeClass(rows: rows)
        while points.count <= index { points.append(nil) }
        let seconds = time.seconds
        if points[index] == nil {
            points[index] = Point(rows: Double(rows), seconds: seconds)
        } else {
            points[index]?.add(rows: Double(rows), seconds: seconds)
        }
    }

    /// Drops what is known of a class, so that it is learned anew.
    public mutating func forget(sizeClass: Int) {
        if points.indices.contains(sizeClass) { points[sizeClass] = nil }
    }

    /// The time that a batch of so many rows is expected to take, or `nil` if nothing near is known.
    ///
    /// Between known classes the cost is taken as linear in the rows; beyond the last one as proportional to them. The
    /// time of a class is that of its median batch.
    ///
    /// - Parameters:
    ///   - rows: The size.
    ///   - minSamples: How many batches a class must have had to count.
    /// - Returns: The time.
    public func expectedTime(rows: Int, minSamples: Int = 1) -> Duration? {
        expectedTimes(rows: [rows], minSamples: minSamples)?[0]
    }

    /// The times that batches of these sizes are expected to take, or `nil` if nothing near is known.
    func expectedTimes(rows sizes: [Int], minSamples: Int) -> [Duration]? {
        let known = points.compactMap { point -> (rows: Double, seconds: Double)? in
            guard let point, point.samples >= minSamples else { return nil }
            return (point.rows, point.rows * point.secondsPerRow)
        }
        guard let last = known.last else { return nil }
        return sizes.map { rows in
            let size = Double(rows)
            guard let upper = known.first(where: { $0.rows >= size }) else {
                return .seconds(last.seconds * size / last.rows)
            }
            guard let lower = known.last(where: { $0.rows < size }), upper.rows > lower.rows else {
                return .seconds(upper.seconds)
            }
            let share = (size - lower.rows) / (upper.rows - lower.rows)
            return .seconds(lower.seconds + share * (upper.seconds - lower.seconds))
        }
    }
}
