import Glibc
import MantaProcesses
import MantaTestKit
import Testing

@Suite("Child processes", .timeLimit(.minutes(1)))
struct ChildProcessTests {
    private func shell(_ script: String) -> Program { Program("/bin/sh", ["-c", script]) }

    @Test("what it wrote and how it ended is told")
    func result() async throws {
        let result = try await shell("echo out; echo err >&2; exit 3").run()
        #expect(result == .init(status: 3, output: "out\n", errors: "err\n"))
        #expect(try await shell("kill -9 $$").run().status == -SIGKILL)
    }

    @Test("both streams can be one, or go nowhere")
    func streams() async throws {
        var program = shell("echo 1; echo 2 >&2; echo 3")
        program.errors = nil
        #expect(try await program.run() == .init(status: 0, output: "1\n2\n3\n"))
        program.output = .discarded
        #expect(try await program.run() == .init(status: 0))
        program.errors = .collected
        #expect(try await program.run() == .init(status: 0, errors: "2\n"))
    }

    @Test("it has the variables, the folder and the input that it is given", arguments: [0, 1, 1 << 20])
    func surroundings(byteCount: Int) async throws {
        var program = Program(
            "/bin/sh", ["-c", "echo $MANTA_TEST; pwd; wc -c"], environment: ["MANTA_TEST": "größe"])
        program.directory = "/usr"
        program.input = .bytes([UInt8](repeating: 1, count: byteCount))
        #expect(try await program.run().output == "größe\n/usr\n\(byteCount)\n")
    }

    @Test("more than a pipe holds comes through both streams")
    func much() async throws {
        let result = try await shell("head -c 1000000 /dev/zero; head -c 2000000 /dev/zero >&2").run()
        #expect(result.output.utf8.count == 1_000_000)
        #expect(result.errors.utf8.count == 2_000_000)
    }

    @Test("one that can't be started is named, with the reason")
    func failure() async throws {
        var program = Program("/nowhere/program")
        await #expect {
            try await program.run()
        } throws: {
            "\($0)" == "can't start /nowhere/program: No such file or directory"
        }
        program = shell("")
        program.directory = "/nowhere"
        await #expect(throws: Program.Failure.self) { try await program.run() }
    }

    @Test("what it wrote can be waited for while it runs, and its input is open until it is ended")
    func running() async throws {
        var program = shell("echo begun; cat; echo over")
        program.input = .open
        let child = try await program.start()
        #expect(await child.wrote("begun"))
        #expect(child.output == "begun\n")

        child.endInput()
        #expect(await child.wrote("over"))
        #expect(await !child.wrote("never"))
        #expect(await child.exitStatus() == 0)
    }

    @Test("signals reach it, also those that this process ignores")
    func signals() async throws {
        let before = signal(SIGUSR1, SIG_IGN)
        let child = try await shell("echo begun; exec sleep 3600").start()
        signal(SIGUSR1, before)
        #expect(await child.wrote("begun"))

        child.signal(SIGUSR1)
        #expect(await child.exitStatus() == -SIGUSR1)
        // It is nobody's any more.
        child.signal(SIGUSR1)
    }

    @Test("it is killed when nobody refers to it, or when the task that runs it is cancelled")
    func killed() async throws {
        var child: ChildProcess? = try await shell("exec sleep 3600").start()
        let pid = try #require(child?.pid)
        child = nil
        while kill(pid, 0) == 0 { try await Task.sleep(for: .milliseconds(1)) }

        let program = shell("exec sleep 3600")
        let run = Task { try await program.run().status }
        run.cancel()
        #expect(try await run.value == -SIGKILL)
    }

    @Test("the kernel is to kill it when this process ends")
    func orphaned() async throws {
        // prctl(PR_GET_PDEATHSIG).
        let script = "import ctypes; n = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(n)); print(n.value)"
        let result = try await Program("/usr/bin/env", ["python3", "-c", script]).run()
        #expect(result.output == "\(SIGKILL)\n")
    }

    @Test("many at a time have only their own files, and each one's end is noticed at once")
    func many() async throws {
        // Would hold up the others if it had their pipes.
        let long = try await shell("exec sleep 3600").start()
        try await withThrowingTaskGroup { group in
            for number in 0..<64 {
                group.addTask {
                    var program = shell("echo \(number); ls /proc/self/fd | wc -l; exit \(number)")
                    program.input = number.isMultiple(of: 2) ? .open : .bytes([1])
                    let child = try await program.start()
                    #expect(await child.exitStatus() == Int32(number))
                    // Three streams, and the folder that is listed.
                    #expect(child.output == "\(number)\n4\n")
                }
            }
            try await group.waitForAll()
        }
        long.kill()
        #expect(await long.exitStatus() == -SIGKILL)
    }
}
