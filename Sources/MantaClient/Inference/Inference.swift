/// Asks a model: `manta infer`.
package struct Inference: Sendable {
    /// Requests that are under way at a time.
    static let maxOngoing = 4

    let server: ServerConnection
    let model: String
    let version: Int?

    /// Asks this model, by default its default version.
    package init(server: ServerConnection, model: String, version: Int? = nil) {
        (self.server, self.model, self.version) = (server, model, version)
    }

    /// Sends what a file holds, and shows what comes back in the file's order.
    ///
    /// JSON, which begins with a bracket or a brace, makes one request. CSV makes one for 64 rows.
    ///
    /// - Parameters:
    ///   - source: The file.
    ///   - form: How to show the outputs.
    ///   - screen: Where to show them.
    /// - Returns: Where the time went.
    /// - Throws: ``ClientError`` naming lines of the file.
    package func run(_ source: ByteSource, form: ResultPrinter.Form, on screen: Screen) async throws -> InferenceTiming
    {
        var first = try await source.next()
        while !first.isEmpty, first.allSatisfy(\.isSpace) { first = try await source.next() }
        guard let byte = first.first(where: { !$0.isSpace }) else {
            throw ClientError(.data, "\(source.name): expected JSON or CSV, found nothing")
        }
        var printer = ResultPrinter(form: form, screen: screen)
        return byte == 0x5B || byte == 0x7B
            ? try await runJSON(source, first, &printer) : try await runCSV(source, first, &printer)
    }

    // MARK: JSON

    private func runJSON(
        _ source: ByteSource, _ first: [UInt8], _ printer: inout ResultPrinter
    ) async throws -> InferenceTiming {
        var bytes = first
        while case let more = try await source.next(), !more.isEmpty { bytes += more }
        let input = try InferenceInput(bytes, file: source.name)
        let body = try await input.body(file: source.name) { try await metadata() }
        var timing = InferenceTiming()
        let answer: Answer
        do {
            answer = try await ask(body)
        } catch let error as ClientError {
            throw ClientError(error.kind, "\(source.name): \(error.message)")
        }
        let rows = try printer.show(answer.reply, from: server.settings.url)
        timing.add(answer, rows: rows)
        return timing
    }

    // MARK: CSV

    private func runCSV(
        _ source: ByteSource, _ first: [UInt8], _ printer: inout ResultPrinter
    ) async throws -> InferenceTiming {
        var batches = BatchReader(
            source: source, first: first, encoder: try RowEncoder(try await metadata(), file: source.name))
        var timing = InferenceTiming()
        try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
            var answers: [Int: Answer] = [:]
            var sent = 0
            var shown = 0
            /// Shows the next batch, once it is answered.
            func show() async throws {
                while answers[shown] == nil, let (number, answer) = try await group.next() { answers[number] = answer }
                guard let answer = answers.removeValue(forKey: shown) else { return }
                shown += 1
                timing.add(answer, rows: try printer.show(answer.reply, from: server.settings.url))
            }
            while let batch = try await batches.next() {
                // Answers wait in memory until those before them are shown, so no more than these are asked for.
                if sent - shown == Self.maxOngoing { try await show() }
                group.addTask { [sent] in (sent, try await answer(batch, of: source.name)) }
                sent += 1
            }
            while shown < sent { try await show() }
        }
        return timing
    }

    /// Cuts a file into requests.
    private struct BatchReader {
        let source: ByteSource
        var reader: CSVReader
        var encoder: RowEncoder
        var ready: [RowEncoder.Batch] = []
        var pending: [UInt8]
        var isAtEnd = false

        init(source: ByteSource, first: [UInt8], encoder: RowEncoder) {
            (self.source, self.encoder, pending) = (source, encoder, first)
            reader = CSVReader(file: source.name)
        }

        mutating func next() async throws -> RowEncoder.Batch? {
            while ready.isEmpty, !isAtEnd {
                if pending.isEmpty {
                    isAtEnd = true
                    if let row = try reader.finish(), let batch = try encoder.add(row) { ready.append(batch) }
                    if let batch = encoder.finish() { ready.append(batch) }
                } else {
                    for row in try reader.feed(pending) {
                        if let batch = try encoder.add(row) { ready.append(batch) }
                    }
                    pending = try await source.next()
                }
            }
            return ready.isEmpty ? nil : ready.removeFirst()
        }
    }

    private func answer(_ batch: RowEncoder.Batch, of file: String) async throws -> Answer {
        do {
            return try await ask(batch.body)
        } catch let error as ClientError {
            let (first, last) = (batch.lines.lowerBound, batch.lines.upperBound)
            let lines = first == last ? "\(first)" : "\(first)-\(last)"
            throw ClientError(error.kind, "\(file):\(lines): \(error.message)")
        }
    }

    // MARK: Requests

    /// A reply and how long it took.
    struct Answer: Sendable {
        var reply: ServerReply
        var duration: Duration
        var end: ContinuousClock.Instant
    }

    private var path: [String] {
        ["v2", "models", model] + (version.map { ["versions", String($0)] } ?? [])
    }

    private func metadata() async throws -> ModelMetadata {
        var request = ServerRequest("GET")
        request.path = path
        return try .read(try await server.reply(to: request), from: server.settings.url)
    }

    private func ask(_ body: [UInt8]) async throws -> Answer {
        var request = ServerRequest("POST")
        request.path = path + ["infer"]
        request.setBody(body, type: "application/json")
        request.fault = .data
        let start = ContinuousClock.now
        let reply = try await server.reply(to: request)
        let end = ContinuousClock.now
        return Answer(reply: reply, duration: end - start, end: end)
    }
}

extension UInt8 {
    fileprivate var isSpace: Bool { [0x20, 0x09, 0x0A, 0x0D].contains(self) }
}
