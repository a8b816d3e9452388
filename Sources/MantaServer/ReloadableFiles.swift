import MantaHTTP
import Synchronization

/// The listeners whose certificates and credentials are read again when somebody asks.
final class ReloadableFiles: Sendable {
    private let servers = Mutex<[HTTPServer]>([])

    func add(_ server: HTTPServer) { servers.withLock { $0.append(server) } }

    /// Reads them all. What can't be used is left as it was.
    ///
    /// - Returns: What is wrong.
    func reload() async -> [String] {
        var faults: [String] = []
        for server in servers.withLock({ $0 }) {
            do {
                try await server.reload()
            } catch {
                faults.append("\(error)")
            }
        }
        return faults
    }
}
