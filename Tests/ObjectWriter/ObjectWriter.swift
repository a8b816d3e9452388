import Glibc
import MantaRuntime
import Synchronization

/// A process of its own around a store of objects, for tests that kill it.
///
/// `object-writer put FOLDER`: puts ever more objects and tells the name of each once it is kept.
/// `object-writer fetch FOLDER COUNT`: fetches one object, from itself, and tells of each range that is asked for; no more
/// than so many are answered.
@main
enum ObjectWriter {
    /// A node that has an object and answers for only a part of it.
    private final class Source: ObjectSource {
        private let bytes: [UInt8]
        private let answers: Atomic<Int>

        init(_ bytes: [UInt8], answers: Int) {
            self.bytes = bytes
            self.answers = Atomic(answers)
        }

        func read(_ id: ObjectID, _ range: Range<Int>) async throws -> [UInt8] {
            tell("\(range.lowerBound)")
            guard answers.subtract(1, ordering: .relaxed).oldValue > 0 else {
                // Killed before that.
                try await Task.sleep(for: .seconds(3600))
                return []
            }
            return Array(bytes[range])
        }
    }

    static func main() async {
        do {
            let arguments = CommandLine.arguments
            let store = try await ObjectStore.open(arguments[2], limit: 1 << 30, chunkSize: 4 << 10)
            tell("open")
            switch arguments[1] {
            case "put": try await put(store)
            case "fetch": try await fetch(store, answers: Int(arguments[3]) ?? .max)
            default: fatalError("unknown command \(arguments[1])")
            }
        } catch {
            tell("error: \(error)")
        }
    }

    private static func put(_ store: ObjectStore) async throws {
        for number in 0..<100 { tell("\(try await store.put(bytes(128 << 10, number)))") }
    }

    private static func fetch(_ store: ObjectStore, answers: Int) async throws {
        let bytes = bytes(512 << 10, 0)
        let id = ObjectID(of: bytes)
        tell("\(id)")
        let source = Source(bytes, answers: answers)
        let fetcher = ObjectFetcher(into: store, random: SystemRandomNumberGenerator()) { _ in source }
        await fetcher.update { $0.set(.whole, of: id, at: "self") }
        _ = try await fetcher.fetch(id, byteCount: bytes.count)
        tell("done")
    }

    private static func bytes(_ count: Int, _ number: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 7 &+ number) }
    }

    /// Writes a line at once: what was told must not wait in a buffer of a process that is killed.
    private static func tell(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
