internal import MantaCore

/// An output that a request asks for.
struct OutputReader {
    let name: String
    /// Whether it is wanted in binary; `nil` if the request doesn't say.
    let isBinary: Bool?

    /// Reads one element of `outputs`.
    static func read(_ json: inout JSONReader, index: Int) throws(ServingError) -> OutputReader {
        guard json.enterObject() else { throw try json.unexpected("outputs[\(index)]", "an object", .request) }
        var name: String?
        var parameters: Parameters?
        while let member = try json.nextMember() {
            switch member {
            case "name":
                guard name == nil else { throw Place.output(name, index: index).givenTwice("name") }
                name = try json.readString("name", of: .output(nil, index: index))
            case "parameters":
                guard parameters == nil else { throw Place.output(name, index: index).givenTwice("parameters") }
                var read: Parameters = [:]
                try json.readParameters(of: .output(name, index: index)) { read[$0] = $1 }
                parameters = read
            default: try json.skipValue()
            }
        }
        let place = Place.output(name, index: index)
        guard let name else { throw place.missing("name") }
        return OutputReader(name: name, isBinary: try isBinary(parameters ?? [:], place))
    }

    private static func isBinary(_ parameters: Parameters, _ place: Place) throws(ServingError) -> Bool? {
        if parameters["classification"] != nil {
            throw place.error("parameter \"classification\" isn't supported yet", code: .unsupported)
        }
        if parameters["shared_memory_region"] != nil {
            throw place.error("shared memory isn't supported", code: .unsupported)
        }
        guard let value = parameters["binary_data"] else { return nil }
        guard case .bool(let isBinary) = value else {
            throw place.error("parameter \"binary_data\": expected true or false")
        }
        return isBinary
    }
}
