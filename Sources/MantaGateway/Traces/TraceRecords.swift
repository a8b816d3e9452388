import FoundationEssentials
import MantaCore
import MantaProtocol
import MantaTime

/// The records of a trace, as Triton's documentation has them.
struct TraceRecords: Sendable {
    private struct Head: Encodable {
        let id: UInt64
        let modelName: String
        let modelVersion: Int
        let requestId: String?
    }

    private struct Timestamps: Encodable {
        struct Timestamp: Encodable {
            let name: String
            let ns: Int64
        }

        let id: UInt64
        let timestamps: [Timestamp]
    }

    private struct Activity: Encodable {
        struct Tensor: Encodable {
            let name: String
            let data: String
            let shape: String
            let dtype: String
        }

        let id: UInt64
        let activity: String
        let tensor: Tensor

        init(_ id: UInt64, _ activity: String, _ named: NamedTensor) {
            (self.id, self.activity) = (id, activity)
            tensor = Tensor(
                name: named.name, data: TensorText.elements(of: named),
                shape: named.tensor.shape.dimensions.map(String.init).joined(separator: ","),
                dtype: named.tensor.dataType.rawValue)
        }
    }

    /// Where on the machine's clock a time of day is.
    private let origin: (instant: Instant, nanoseconds: Int64)

    /// Records whose times count from the beginning of 1970.
    ///
    /// - Parameters:
    ///   - instant: A time.
    ///   - milliseconds: The same as a time of day.
    init(instant: Instant, milliseconds: Int64) {
        origin = (instant, milliseconds * 1_000_000)
    }

    /// The records of a trace, one a line.
    func text(of trace: Trace) throws -> String {
        var records = [
            try Self.text(
                Head(
                    id: trace.id, modelName: trace.model, modelVersion: trace.version ?? -1,
                    requestId: trace.requestID))
        ]
        if trace.levels.contains(.timestamps) {
            let timestamps = trace.timestamps.map { name, instant in
                Timestamps.Timestamp(name: name, ns: origin.nanoseconds + (instant - origin.instant).nanoseconds)
            }
            records.append(try Self.text(Timestamps(id: trace.id, timestamps: timestamps)))
        }
        for input in trace.inputs { records.append(try Self.text(Activity(trace.id, "TENSOR_QUEUE_INPUT", input))) }
        for output in trace.outputs {
            records.append(try Self.text(Activity(trace.id, "TENSOR_BACKEND_OUTPUT", output)))
        }
        return records.joined(separator: ",\n")
    }

    private static func text(_ record: some Encodable) throws -> String {
        String(decoding: try JSONEncoder.documents.encode(record), as: UTF8.self)
    }
}
