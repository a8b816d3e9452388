import ArgumentParser
import MantaConfig
import MantaCore
import MantaHTTP

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
        case let error as ServingError: (message, exitCode) = (error.message, EX_UNAVAILABLE)
        case let error as HTTPServerError: (message, exitCode) = (error.description, EX_UNAVAILABLE)
        case let error as ValidationError: (message, exitCode) = (error.message, EX_USAGE)
        default: (message, exitCode) = ("\(error)", EX_SOFTWARE)
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
