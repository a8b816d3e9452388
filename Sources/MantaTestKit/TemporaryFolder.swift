import FoundationEssentials

/// A folder that goes away with its last owner.
package final class TemporaryFolder: Sendable {
    /// Where it is.
    package let path: String

    /// Makes an empty folder.
    package init() throws {
        path = FileManager.default.temporaryDirectory.path + "/manta-\(UUID())"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Calls `body` with a folder that is there for as long as it runs.
    package static func with<Result>(_ body: (TemporaryFolder) throws -> Result) throws -> Result {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        return try body(folder)
    }

    /// Writes a file and the folders that it is in.
    package func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(filePath: try makeFolder(of: name)))
    }

    /// Writes a text file and the folders that it is in.
    package func write(_ text: String, to name: String) throws {
        try write([UInt8](text.utf8), to: name)
    }

    /// Copies a file to one of this name, whose folders it makes.
    package func copy(_ source: String, to name: String) throws {
        try FileManager.default.copyItem(atPath: source, toPath: try makeFolder(of: name))
    }

    /// Makes the folders that a file is in; returns the file's path.
    private func makeFolder(of name: String) throws -> String {
        let file = path + "/" + name
        let folder = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return file
    }
}
