import MantaCore
import MantaProtocol
import MantaWire

/// Parameters of requests and replies on a stream.
enum StreamParameters {
    /// Asks for ``isFinalResponse`` on each reply.
    static let wantsFinalResponse = "triton_enable_empty_final_response"
    /// Whether a reply is the last of its request's.
    static let isFinalResponse = "triton_final_response"
}

extension Inference_InferParameter {
    /// The value; `nil` if it has none.
    var value: ParameterValue? {
        switch parameterChoice {
        case .boolParam(let value): .bool(value)
        case .int64Param(let value): .integer(value)
        case .stringParam(let value): .string(value)
        case .doubleParam(let value): .double(value)
        // Ids of sequences may be larger than what others are compared with.
        case .uint64Param(let value): Int64(exactly: value).map { .integer($0) } ?? .double(Double(value))
        case nil: nil
        }
    }
}

extension [String: Inference_InferParameter] {
    /// Where in shared memory a tensor is, if these parameters say so.
    func slice(_ place: Place) throws(ServingError) -> MemorySlice? {
        guard let region = self["shared_memory_region"] else {
            if self["shared_memory_byte_size"] != nil || self["shared_memory_offset"] != nil {
                throw place.error("parameter \"shared_memory_region\" is missing")
            }
            return nil
        }
        guard case .string(let name) = region.value else {
            throw place.error("parameter \"shared_memory_region\": expected a string")
        }
        guard let byteCount = try size("shared_memory_byte_size", place) else {
            throw place.error("parameter \"shared_memory_byte_size\" is missing")
        }
        return MemorySlice(region: name, offset: try size("shared_memory_offset", place) ?? 0, byteCount: byteCount)
    }

    private func size(_ name: String, _ place: Place) throws(ServingError) -> Int? {
        guard let parameter = self[name] else { return nil }
        guard case .integer(let value) = parameter.value, value >= 0 else {
            throw place.error("parameter \"\(name)\": expected an integer of at least 0")
        }
        return Int(value)
    }
}
