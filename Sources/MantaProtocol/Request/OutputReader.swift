internal import MantaCore

/// An output that a request asks for.
struct OutputReader {
    /// What is wanted.
    var wanted: RequestedOutput
    /// Whether it is wanted in binary; `nil` if the request doesn't say.
    var isBinary: Bool?

    /// Reads one element of `outputs`.
    static func read(_ json: inout JSONReader, index: Int) throws(ServingError) -> OutputReader {
        guard json.enterObject() else { throw json.unexpected("outputs[\(index)]", "an object", .request) }
        var name: String?
        var output = OutputReader(wanted: "")
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
                try output.readParameters(&json, place)
            default: try json.skipValue()
            }
        }
        guard let name else { throw Place.output(nil, index: index).missing("name") }
        output.wanted.name = name
        return output
    }

    /// What the parameters say; others than these are passed over.
    private mutating func readParameters(_ json: inout JSONReader, _ place: Place) throws(ServingError) {
        var (isBinary, classes): (Bool?, Int?)
        var parts = SliceReader()
        try json.readParameters(of: place) { name, value throws(ServingError) in
            switch name {
            case "binary_data":
                guard case .bool(let value) = value else {
                    throw place.error("parameter \"binary_data\": expected true or false")
                }
                isBinary = value
            case "classification":
                guard case .integer(let count) = value, count >= 1 else {
                    throw place.error("parameter \"classification\": expected an integer of at least 1, found \(value)")
                }
                classes = Int(count)
            default: try parts.read(name, value, of: place)
            }
        }
        self.isBinary = isBinary
        wanted.classes = classes
        wanted.slice = try parts.slice(of: place)
    }
}
