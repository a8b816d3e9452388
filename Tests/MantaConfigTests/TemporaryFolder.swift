import FoundationEssentials

/// A folder for the length of a test.
struct TemporaryFolder {
    let path: String

    static func with(_ body: (TemporaryFolder) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/manta-\(UUID())"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(TemporaryFolder(path: path))
    }

    /// Writes a file and the folders that it is in.
    func write(_ bytes: [UInt8], to name: String) {
        let file = path + "/" + name
        let folder = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? path
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        _ = FileManager.default.createFile(atPath: file, contents: Data(bytes))
    }

    /// Writes a text file.
    func write(_ text: String, to name: String) {
        write([UInt8](text.utf8), to: name)
    }
}
