internal import MantaCore

/// Reads the parameters that say where in shared memory a tensor is.
struct SliceReader {
    private var region: String?
    private var byteCount: Int?
    private var offset: Int?

    /// Takes a parameter if it is one of these.
    mutating func read(_ name: JSONString, _ value: ParameterValue, of place: Place) throws(ServingError) {
        switch name {
        case "shared_memory_region":
            guard case .string(let text) = value else {
                throw place.error("parameter \"shared_memory_region\": expected a string, found \(value)")
            }
            region = text
        case "shared_memory_byte_size": byteCount = try value.byteCount(name, of: place)
        case "shared_memory_offset": offset = try value.byteCount(name, of: place)
        default: break
        }
    }

    /// The part of a region that the parameters name; `nil` if they name none.
    func slice(of place: Place) throws(ServingError) -> MemorySlice? {
        guard let region else {
            guard byteCount == nil, offset == nil else { throw place.missing("parameter \"shared_memory_region\"") }
            return nil
        }
        guard let byteCount else { throw place.missing("parameter \"shared_memory_byte_size\"") }
        return MemorySlice(region: region, offset: offset ?? 0, byteCount: byteCount)
    }
}

extension ParameterValue {
    /// The value as a number of bytes.
    func byteCount(_ name: JSONString, of place: Place) throws(ServingError) -> Int {
        guard case .integer(let number) = self, number >= 0 else {
            throw place.error("parameter \"\(name.text)\": expected an integer of at least 0, found \(self)")
        }
        return Int(number)
    }
}
