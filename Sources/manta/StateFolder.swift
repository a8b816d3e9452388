import FoundationEssentials
import MantaConfig

#if canImport(Glibc)
    import Glibc
#endif

/// The folder for what must survive a restart, held against other processes for as long as this value lives.
final class StateFolder: Sendable {
    private let descriptor: Int32

    /// Makes the folder if there is none and locks it.
    ///
    /// - Throws: ``ConfigurationErrors`` if it can't be made, or if another Manta has it.
    init(path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            let cause = (error as? CocoaError)?.underlying as? POSIXError
            let reason = cause.map { unsafe String(cString: strerror($0.code.rawValue)) } ?? "\(error)"
            throw ConfigurationErrors(faults: [.init(file: path, message: "the state folder can't be made: \(reason)")])
        }
        descriptor = unsafe open(path + "/lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno == EWOULDBLOCK ? "another Manta uses it" : unsafe String(cString: strerror(errno))
            throw ConfigurationErrors(faults: [
                .init(file: path, message: "the state folder can't be locked: \(reason)")
            ])
        }
    }

    deinit {
        close(descriptor)
    }
}
