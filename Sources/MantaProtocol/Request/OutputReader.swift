internal import MantaCore

/// An output that a request asks for.
struct OutputReader {
    let name: String
    /// Whether it is wanted in binary; `nil` if the request doesn't say.
    let isBinary: Bool?

    /// Reads one element of `outputs`.
    static func read(_ json: inout JSONReader, index: Int) throws(ServingError) -> OutputReader {
        guard json.enterObject() else { throw json.unexpected("outputs[\(index)]", "an object", .request) }
        var name: String?
        var isBinary: Bool?
        var hasParameters = false
        while let member = try json.nextMember() {
            let place = Place.output(name, index: index)
            switch member {
            case "name":
                guard name == nil else { throw place.givenTwice("name") }
                name = try json.readString("name", of: place)
            case "parameters":
                guard !hasParameters else { throw place.givenTwice("parameters") }
                hasParameters = true
                isBinary = try readParameters(&json, place)
            default: try json.skipValue()
            }
        }
        guard let name else { throw Place.output(nil, index: index).missing("name") }
        return OutputReader(name: name, isBinary: isBinary)
    }

    /// What the parameters say about the form; others than these are passed over.
    private static func readParameters(_ json: inout JSONReader, _ place: Place) throws(ServingError) -> Bool? {
        var isBinary: Bool?
        try json.readParameters(of: place) { name, value throws(ServingError) in
            switch name {
            case "binary_data":
                guard case .bool(let value) = value else {
                    throw place.error("parameter \"binary_data\": expected true or false")
                }
                isBinary = value
            case "classification":
                throw place.error("parameter \"classification\" isn't supported yet", code: .unsupported)
            case "shared_memory_region":
                throw place.error("shared memory isn't supported", code: .unsupported)
            default: break
            }
        }
        return isBinary
    }
}
