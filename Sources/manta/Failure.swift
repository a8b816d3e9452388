import ArgumentParser
import MantaClient
import MantaConfig
import MantaCore
import MantaHTTP
import MantaStore

#if canImport(Glibc)
    import Glibc
#endif

/// What ended a command: a message for people and an exit code for scripts, as in `sysexits.h`.
struct Failure {
    let message: String
    let exitCode: Int32

    init(_ error: any Error) {
        switch error {
        case let error as ConfigurationErrors: (message, exitCode) = (error.description, EX_CONFIG)
        case let error as ClientError: (message, exitCode) = ("manta: \(error.message)", error.kind.exitCode)
        case let error as ServingError: (message, exitCode) = ("manta: \(error.message)", EX_UNAVAILABLE)
        case let error as StoreError:
            // Nothing that a restart would mend.
            let isLasting = [.damaged, .foreign].contains(error.code)
            (message, exitCode) = ("manta: \(error.message)", isLasting ? EX_CONFIG : EX_UNAVAILABLE)
        case let error as HTTPServerError: (message, exitCode) = ("manta: \(error)", EX_UNAVAILABLE)
        case let error as ValidationError: (message, exitCode) = ("manta: \(error.message)", EX_USAGE)
        default: (message, exitCode) = ("manta: \(error)", EX_SOFTWARE)
        }
    }

    /// Runs a command's work; if it fails, says why and ends the command with the exit code for it.
    static func exiting(_ work: () async throws -> Void) async throws {
        do {
            try await work()
        } catch is OutputClosed {
            return
        } catch let code as ExitCode {
            throw code
        } catch {
            let failure = Failure(error)
            StandardError.write(failure.message + "\n")
            throw ExitCode(failure.exitCode)
        }
    }
}

extension ClientError.Kind {
    fileprivate var exitCode: Int32 {
        switch self {
        case .usage: EX_USAGE
        case .data: EX_DATAERR
        case .configuration: EX_CONFIG
        case .unauthorised: EX_NOPERM
        case .unavailable: EX_UNAVAILABLE
        case .unfinished: EX_TEMPFAIL
        case .failed: EXIT_FAILURE
        }
    }
}

/// Standard error, written at once.
enum StandardError {
    static func write(_ text: String) {
        var text = text
        text.withUTF8 { _ = unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
