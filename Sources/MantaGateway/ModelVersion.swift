package import MantaCore

/// Versions as the protocol's paths and messages have them.
package enum ModelVersion {
    /// The number; `nil` if the text is empty, which asks for none.
    package static func number(_ text: String) throws(ServingError) -> Int? {
        if text.isEmpty { return nil }
        guard let number = Int(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw ServingError(.notFound, "version \"\(text)\": versions are whole numbers from 1 on")
        }
        return number
    }
}
