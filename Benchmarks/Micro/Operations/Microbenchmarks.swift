import Allocations

#if canImport(Glibc)
    import Glibc
#endif

/// Runs one operation of the request path again and again, for `Benchmarks/micro` to count its instructions.
///
///     manta-microbenchmarks                 # the operations' names
///     manta-microbenchmarks json-decode 500 # runs it 500 times; prints allocations for each
@main
enum Microbenchmarks {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let name = arguments.first else {
            for operation in operations { print(operation.name) }
            return
        }
        guard let operation = operations.first(where: { $0.name == name }),
            let count = arguments.dropFirst().first.flatMap(Int.init), count > 0
        else {
            print("usage: manta-microbenchmarks [OPERATION COUNT]")
            exit(64)
        }
        let body = try operation.prepare()
        // What is made once, on first use, isn't the operation's.
        for _ in 0..<20 { try body() }
        let before = manta_allocations()
        for _ in 0..<count { try body() }
        print(Double(manta_allocations() - before) / Double(count))
    }

    private static let operations = Codecs.operations + Queueing.operations + Routing.operations + Caching.operations
}

/// Something that requests go through.
struct Operation: Sendable {
    let name: String
    /// Makes what the operation needs, and returns what does it once.
    let prepare: @Sendable () throws -> () throws -> Void
}
