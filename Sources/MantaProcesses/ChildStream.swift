import CMantaProcesses

#if canImport(Glibc)
    import Glibc
#endif

/// An open file of this process, or none.
struct Descriptor: ~Copyable {
    /// Less than 0 for none, as `poll` takes it.
    let number: Int32

    /// None.
    init() {
        number = -1
    }

    /// Takes over what a call gave: a number, or less than 0 with `errno`.
    init(_ number: Int32) throws(Program.Failure) {
        guard number >= 0 else { throw Program.Failure(errno) }
        self.number = number
    }

    deinit {
        if number >= 0 { close(number) }
    }
}

/// One of a child's streams.
struct ChildStream: ~Copyable {
    /// What the child has.
    let theirs: Descriptor
    /// The end that this process has, if it is a pipe.
    let ours: Descriptor

    /// Standard input.
    static func of(_ input: Program.Input) throws(Program.Failure) -> ChildStream {
        switch input {
        case .none:
            return ChildStream(
                theirs: try Descriptor(unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)), ours: Descriptor())
        case .bytes(let bytes):
            // A pipe would want somebody to write while the child reads, or doesn't.
            let file = try Descriptor(manta_memory_file())
            guard unsafe pwrite(file.number, bytes, bytes.count, 0) == bytes.count else {
                throw Program.Failure(errno)
            }
            return ChildStream(theirs: file, ours: Descriptor())
        case .open:
            let ends = try pipe()
            return ChildStream(theirs: try Descriptor(ends.reading), ours: try Descriptor(ends.writing))
        }
    }

    /// Standard output or error, which has this number.
    static func of(_ output: Program.Output, _ number: Int32) throws(Program.Failure) -> ChildStream {
        switch output {
        case .collected:
            let ends = try pipe()
            return ChildStream(theirs: try Descriptor(ends.writing), ours: try Descriptor(ends.reading))
        case .discarded:
            return ChildStream(
                theirs: try Descriptor(unsafe open("/dev/null", O_WRONLY | O_CLOEXEC)), ours: Descriptor())
        case .shared:
            return try copy(of: number)
        }
    }

    /// One that is where that of this number is.
    static func copy(of number: Int32) throws(Program.Failure) -> ChildStream {
        ChildStream(theirs: try Descriptor(fcntl(number, F_DUPFD_CLOEXEC, 0)), ours: Descriptor())
    }

    private static func pipe() throws(Program.Failure) -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [-1, -1]
        guard unsafe manta_pipe(&ends) == 0 else { throw Program.Failure(errno) }
        return (ends[0], ends[1])
    }
}
