/// Where the time of some requests went.
package struct InferenceTiming: Sendable {
    private var durations: [Double] = []
    private var rows = 0
    private var start: ContinuousClock.Instant?
    private var end: ContinuousClock.Instant?
    /// Milliseconds of each part of the server's time, in the server's order.
    private var parts: [(name: String, sum: Double, count: Int)] = []

    /// Takes an answer.
    mutating func add(_ answer: Inference.Answer, rows: Int) {
        durations.append(answer.duration.milliseconds)
        self.rows += rows
        start = min(start ?? answer.end - answer.duration, answer.end - answer.duration)
        end = max(end ?? answer.end, answer.end)
        for (name, milliseconds) in Self.parts(of: answer.reply.timing ?? "") {
            if let index = parts.firstIndex(where: { $0.name == name }) {
                parts[index].sum += milliseconds
                parts[index].count += 1
            } else {
                parts.append((name, milliseconds, 1))
            }
        }
    }

    /// Two lines for people: the client's view, and what the server says of its own.
    package var text: String {
        guard let start, let end, !durations.isEmpty else { return "no requests\n" }
        let milliseconds = (end - start).milliseconds
        let sorted = durations.sorted()
        let median = Quantity.short(sorted[sorted.count / 2])
        let rate = Quantity.short(milliseconds > 0 ? Double(rows) * 1000 / milliseconds : nil)
        var text =
            "\(Quantity.count(rows, "row")) in \(Quantity.count(durations.count, "request")), "
            + "\(Quantity.short(milliseconds)) ms, \(rate) rows/s; "
            + "a request took \(median) ms (median), \(Quantity.short(sorted.last)) ms at most\n"
        if !parts.isEmpty {
            let means = parts.map { "\($0.name.printable) \(Quantity.short($0.sum / Double($0.count))) ms" }
            text += "of that in the server, on average: \(means.joined(separator: ", "))\n"
        }
        return text
    }

    /// `queue;dur=0.013, run;dur=0.2`: each name with its milliseconds (W3C Server Timing).
    private static func parts(of header: String) -> [(String, Double)] {
        header.split(separator: ",").compactMap { part in
            let fields = part.split(separator: ";").map { String($0.drop { $0 == " " }) }
            guard let name = fields.first, let duration = fields.first(where: { $0.hasPrefix("dur=") }),
                let milliseconds = Double(duration.dropFirst("dur=".count))
            else { return nil }
            return (name, milliseconds)
        }
    }
}
