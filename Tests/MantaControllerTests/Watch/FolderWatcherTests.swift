import Foundation
import MantaTestKit
import MantaTime
import Testing

@testable import MantaController

/// One after the other, since some of these tests count what the process has open.
@Suite("Watching", .serialized) enum Watching {}

extension Watching {
    @Suite("Folder watcher")
    struct FolderWatcherTests {
        let folder: TemporaryFolder
        let time = ManualTime()

        init() throws {
            folder = try TemporaryFolder()
        }

        @Test("a change is told once nothing has happened for a while, and those before it runs are too")
        func tellsAfterQuiet() async throws {
            let watcher = try await FolderWatcher.open(paths: [folder.path], time: time)
            try folder.write("1", to: "file")
            let running = Task { try await watcher.run() }
            var changes = watcher.changes.makeAsyncIterator()

            for round in 0..<3 {
                await time.sleeperExists(until: time.now + ChangeBurst.quiet)
                time.advance(by: ChangeBurst.longest)
                #expect(await changes.next() != nil)
                try folder.write("\(round)", to: "file")
            }

            running.cancel()
            try await running.value
            while await changes.next() != nil {}
        }

        @Test("when its task is cancelled it ends, with its thread and all it had open")
        func cancellation() async throws {
            let before = Self.openQueues()
            for _ in 0..<20 {
                let watcher = try await FolderWatcher.open(paths: [folder.path], time: time)
                #expect(Self.openQueues() == before + 1)
                try folder.write("1", to: "file")
                let running = Task { try await watcher.run() }
                await time.sleeperExists(until: time.now + ChangeBurst.quiet)

                running.cancel()
                try await running.value

                #expect(Self.openQueues() == before, "the watcher is still there, what it had open isn't")
                var changes = watcher.changes.makeAsyncIterator()
                #expect(await changes.next() == nil, "a burst that isn't over isn't told")
            }
        }

        @Test("cancelled before it runs, it ends at once")
        func cancelledBefore() async throws {
            let watcher = try await FolderWatcher.open(paths: [folder.path], time: time)
            let running = Task {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                try await watcher.run()
            }
            try await running.value
        }

        @Test("one that never ran leaves nothing open")
        func neverRun() async throws {
            let before = Self.openQueues()
            var watcher: FolderWatcher? = try await FolderWatcher.open(paths: [folder.path], time: time)
            #expect(watcher != nil && Self.openQueues() == before + 1)
            watcher = nil
            #expect(Self.openQueues() == before)
        }

        @Test("a refusal of the system says what to do")
        func refusals() {
            #expect(
                FolderWatcherError(ENOSPC, folder: "/m").message
                    == "folder /m can't be watched for changes: this user has as many watches as it may; "
                    + "raise fs.inotify.max_user_watches")
            #expect(FolderWatcherError(EMFILE, folder: nil).message.contains("raise the limit of open files"))
            #expect(FolderWatcherError(EIO, folder: nil).message.hasSuffix(": Input/output error"))
        }

        /// How many queues of events this process has.
        private static func openQueues() -> Int {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
            return names.count { name in
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + name)
                return target == "anon_inode:inotify"
            }
        }
    }
}

@Suite("Change burst")
struct ChangeBurstTests {
    let start = Instant.now

    @Test("a lone change is told 200 ms later, once")
    func loneChange() {
        var burst = ChangeBurst()

        let begins = burst.changed(at: start)
        let ends = [199, 200, 200].map { burst.isOver(at: start + .milliseconds($0)) }

        #expect(begins)
        #expect(ends == [false, true, false])
        #expect(burst.end == nil)
    }

    @Test("changes that go on are told 200 ms after the last, at the latest 2 s after the first")
    func longBurst() {
        var burst = ChangeBurst()
        for step in 0..<20 {
            let now = start + .milliseconds(step * 100)
            let isOver = burst.isOver(at: now)
            let begins = burst.changed(at: now)
            #expect(!isOver)
            #expect(begins == (step == 0))
            #expect(burst.end == min(now + .milliseconds(200), start + .seconds(2)))
        }

        let isOver = burst.isOver(at: start + .seconds(2))
        let begins = burst.changed(at: start + .seconds(2))

        #expect(isOver)
        #expect(begins, "another burst")
    }
}
