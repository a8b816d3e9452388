package import MantaCore

/// The bodies with which clients change settings: one JSON object.
package enum SettingsCodec {
    /// Reads settings of single values. Others than these, and those that are `null`, are passed over.
    ///
    /// - Parameters:
    ///   - body: The whole body; an empty one says nothing.
    ///   - names: The settings that there are.
    /// - Returns: The values by name.
    /// - Throws: ``ServingError`` with code `invalidRequest` that names what is wrong.
    package static func values(
        _ body: [UInt8], names: Set<String>
    ) throws(ServingError) -> [String: ParameterValue] {
        var values: [String: ParameterValue] = [:]
        try readMembers(of: body) { name, json throws(ServingError) in
            guard names.contains(name) else { return try json.skipValue() }
            if try json.skipNull() { return }
            guard let value = try json.readParameter() else {
                throw json.unexpected(name, "a string, a number or a boolean", .request)
            }
            values[name] = value
        }
        return values
    }

    /// Reads settings of which each is a list of texts, or one text without brackets.
    ///
    /// - Parameter body: The whole body; an empty one says nothing.
    /// - Returns: The lists by name; `nil` for those that are `null`.
    /// - Throws: ``ServingError`` with code `invalidRequest` that names what is wrong.
    package static func lists(_ body: [UInt8]) throws(ServingError) -> [String: [String]?] {
        var lists: [String: [String]?] = [:]
        try readMembers(of: body) { name, json throws(ServingError) in
            if try json.skipNull() {
                lists.updateValue(nil, forKey: name)
                return
            }
            var list: [String] = []
            if json.enterArray() {
                while try json.nextElement() { list.append(try text(of: name, &json)) }
            } else {
                list = [try text(of: name, &json)]
            }
            lists.updateValue(list, forKey: name)
        }
        return lists
    }

    /// A string, or a number as it would be written in one.
    private static func text(of name: String, _ json: inout JSONReader) throws(ServingError) -> String {
        switch try json.readParameter() {
        case .string(let text)?: return text
        case .integer(let number)?: return String(number)
        default: throw Place.request.error("\(name): expected a string, or an array of strings")
        }
    }

    private static func readMembers(
        of body: [UInt8], _ read: (String, inout JSONReader) throws(ServingError) -> Void
    ) throws(ServingError) {
        guard !body.isEmpty else { return }
        try unsafe body.withUnsafeBufferPointer { bytes throws(ServingError) in
            var json = try unsafe JSONReader(bytes)
            try json.enterText()
            while let member = try json.nextMember() { try read(member.text, &json) }
            try json.finish()
        }
    }
}
