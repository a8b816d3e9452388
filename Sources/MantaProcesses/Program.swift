import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#endif

/// A program, and what it is given.
///
/// ```swift
/// let result = try await Program("/usr/bin/sha256sum", [file]).run()
/// let server = try await Program(manta, ["serve"]).start()
/// ```
package struct Program: Sendable {
    /// Why a program couldn't be started.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        init(_ error: Int32, _ path: String = "a program") {
            description = "can't start \(path): \(unsafe String(cString: strerror(error)))"
        }
    }

    /// What a program reads.
    package enum Input: Sendable {
        /// Nothing.
        case none
        /// These bytes.
        case bytes([UInt8])
        /// Nothing, and it isn't over before ``ChildProcess/endInput()``.
        case open
    }

    /// Where what a program writes goes.
    package enum Output: Sendable {
        /// Into memory, all of it.
        case collected
        /// Nowhere.
        case discarded
        /// To where that of this process goes.
        case shared
    }

    /// What came of a program.
    package struct Result: Sendable, Equatable {
        /// The exit status, or minus the signal that ended it.
        package var status: Int32
        /// What it wrote to standard output.
        package var output: String
        /// What it wrote to standard error; empty if that is where standard output goes.
        package var errors: String

        /// What these make together.
        package init(status: Int32, output: String = "", errors: String = "") {
            (self.status, self.output, self.errors) = (status, output, errors)
        }
    }

    /// Where it is; a name isn't looked for in `PATH`.
    package var path: String
    /// Those after its name.
    package var arguments: [String]
    /// All its variables.
    package var environment: [String: String]
    /// Where it runs; `nil` for where this process does.
    package var directory: String?
    /// What it reads.
    package var input = Input.none
    /// Where standard output goes.
    package var output = Output.collected
    /// Where standard error goes; `nil` for where standard output does, in the order in which both are written.
    package var errors: Output? = .collected

    /// A program with the variables of this process and these.
    package init(_ path: String, _ arguments: [String] = [], environment: [String: String] = [:]) {
        self.path = path
        self.arguments = arguments
        self.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    }

    /// Runs it to its end. It is killed if the task is cancelled.
    package func run() async throws(Failure) -> Result {
        let child = try await start()
        let status = await withTaskCancellationHandler {
            await child.exitStatus()
        } onCancel: {
            child.kill()
        }
        return Result(status: status, output: child.output, errors: child.errors)
    }
}
