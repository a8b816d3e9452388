import MantaCore
import MantaTime

/// What is told of one request.
package struct Trace: Sendable {
    let id: UInt64
    let levels: TraceLevels
    /// How many traces go into a file before the next is begun; 0 for all.
    let frequency: Int
    let model: String
    /// The version that answered, or that was asked for; `nil` if neither is known.
    private(set) var version: Int?
    private(set) var requestID: String?
    /// The points on its way that it reached, in their order.
    private(set) var timestamps: [(name: String, at: Instant)]
    private(set) var inputs: [NamedTensor] = []
    private(set) var outputs: [NamedTensor] = []

    init(
        id: UInt64, levels: TraceLevels, frequency: Int, model: String, version: Int?, started: Instant
    ) {
        (self.id, self.levels, self.frequency, self.model, self.version) = (id, levels, frequency, model, version)
        timestamps = [("REQUEST_START", started)]
    }

    /// The memory of the tensors that it keeps.
    var byteCount: Int { (inputs + outputs).reduce(0) { $0 + $1.tensor.byteCount } }

    /// It has been read and goes to a queue.
    mutating func queued(_ request: InferenceRequest, at now: Instant) {
        requestID = request.id
        timestamps.append(("QUEUE_START", now))
        if levels.contains(.tensors) { inputs = request.inputs }
    }

    /// It was answered.
    mutating func answered(_ response: InferenceResponse) {
        version = response.model.version
        let timing = response.timing
        var now = timestamps[timestamps.count - 1].at
        for (name, duration) in [
            ("COMPUTE_START", timing.queue), ("COMPUTE_INPUT_END", timing.input),
            ("COMPUTE_OUTPUT_START", timing.run), ("COMPUTE_END", timing.output),
        ] {
            now += duration
            timestamps.append((name, now))
        }
        if levels.contains(.tensors) { outputs = response.outputs }
    }

    /// Its reply is written, or it failed.
    mutating func ended(at now: Instant) {
        timestamps.append(("REQUEST_END", now))
    }
}
