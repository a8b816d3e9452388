import MantaCore

/// Versions as the protocol's messages have them.
enum ModelVersion {
    /// The number; `nil` if none is asked for.
    static func number(_ text: String) throws(ServingError) -> Int? {
        if text.isEmpty { return nil }
        guard let number = Int(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw ServingError(.modelNotFound, "version \"\(text)\": versions are whole numbers from 1 on")
        }
        return number
    }
}
