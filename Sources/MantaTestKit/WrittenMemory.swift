import Foundation

/// Bytes of memory that a process has written to, as Linux counts them: resident, and of no file.
///
/// - Parameter process: Its number, or `self`.
/// - Returns: The bytes, as of now.
/// - Throws: What reading `/proc` throws, or ``UnknownMemory``.
public func writtenBytes(of process: String = "self") throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
    guard let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
        throw UnknownMemory()
    }
    return 1024 * kibibytes
}

/// The system doesn't tell what memory a process has written to.
public struct UnknownMemory: Error {}
