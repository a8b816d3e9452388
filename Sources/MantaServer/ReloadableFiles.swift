import MantaHTTP
import Synchronization

/// The certificates and credentials of listeners, which are read again when somebody asks.
final class ReloadableFiles: Sendable {
    /// Reads those of one listener.
    typealias Reading = @Sendable () async throws(HTTPServerError) -> Void

    private let readings = Mutex<[Reading]>([])

    func add(_ reading: @escaping Reading) { readings.withLock { $0.append(reading) } }

    /// Reads them all. What can't be used is left as it was.
    ///
    /// - Returns: What is wrong.
    func reload() async -> [String] {
        var faults: [String] = []
        for read in readings.withLock({ $0 }) {
            do throws(HTTPServerError) {
                try await read()
            } catch {
                faults.append("\(error)")
            }
        }
        return faults
    }
}
