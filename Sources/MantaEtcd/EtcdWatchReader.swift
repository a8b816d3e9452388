import AsyncHTTPClient
import FoundationEssentials
import MantaStore
import MantaTime
import NIOCore
import Synchronization

/// Reads the commits of one watch from one connection at a time, and makes another where one broke off.
final class EtcdWatchReader: Sendable {
    /// What came of waiting for a commit.
    private enum Step: Sendable {
        case commit(Commit)
        /// Another connection is needed.
        case broken
        case failed(StoreError)
        /// The store was closed, or the task cancelled.
        case ended
    }

    private struct State {
        var stream: EtcdWatchStream?
        /// One after the other without a commit.
        var failures = 0
        /// Etcd says so too when a token has expired.
        var wasDenied = false
    }

    private static let firstDelay = Duration.milliseconds(50)
    private static let longestDelay = Duration.seconds(5)

    private let connection: EtcdConnection
    private let keys: EtcdKeys
    private let prefix: String
    private let count: @Sendable (Int) -> Void
    private let state = Mutex(State())

    /// A reader without a connection yet. `count` is told how many more wait at a member.
    init(_ connection: EtcdConnection, _ keys: EtcdKeys, prefix: String, count: @escaping @Sendable (Int) -> Void) {
        (self.connection, self.keys, self.prefix, self.count) = (connection, keys, prefix, count)
    }

    /// The first commit after `revision`; `nil` when the store is closed or the task cancelled. One at a time.
    func next(after revision: Int64) async throws(StoreError) -> Commit? {
        while !Task.isCancelled, !connection.end.isOver {
            if let commit = state.withLock({ $0.stream })?.received(after: revision) { return commit }
            switch await step(after: revision) {
            case .commit(let commit):
                state.withLock { ($0.failures, $0.wasDenied) = (0, false) }
                return commit
            case .broken:
                let stream = state.withLock { state in
                    state.failures += 1
                    return state.stream.take()
                }
                if let stream { connection.failed(stream.member) }
            case .failed(let error): throw error
            case .ended: return nil
            }
        }
        return nil
    }

    /// Reads until there is a commit, the connection is of no use any more, or all is over.
    private func step(after revision: Int64) async -> Step {
        await withTaskGroup(of: Step?.self) { group in
            group.addTask { await self.read(after: revision) }
            group.addTask { await self.watchOver(revision) }
            group.addTask {
                await self.connection.end.wait()
                return .ended
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            var steps = [first ?? .ended]
            for await step in group { if let step { steps.append(step) } }
            // What was read is not to be lost.
            let commit = steps.first { if case .commit = $0 { true } else { false } }
            return commit ?? steps[0]
        }
    }

    private func read(after revision: Int64) async -> Step {
        do {
            let stream = try await openStream(after: revision)
            count(1)
            defer { count(-1) }
            return .commit(try await stream.next(after: revision))
        } catch let error as EtcdWatchStream.Fault {
            // Half a message may have been read.
            if Task.isCancelled { return .broken }
            switch error {
            case .broken: return .broken
            case .failed(let error): return .failed(error)
            case .denied(let error):
                connection.forgetToken()
                let isAgain = state.withLock { state in
                    defer { state.wasDenied = true }
                    return state.wasDenied
                }
                return isAgain || connection.settings.user == nil ? .failed(error) : .broken
            }
        } catch let error as EtcdConnection.Failure {
            guard case .refused(let refusal) = error, !refusal.isOfToken else {
                connection.forgetToken()
                return .broken
            }
            return .failed(refusal)
        } catch {
            return .broken
        }
    }

    private func openStream(after revision: Int64) async throws -> EtcdWatchStream {
        let (stream, failures) = state.withLock { ($0.stream, $0.failures) }
        if let stream { return stream }
        if failures > 0 {
            let delay = min(Self.longestDelay, Self.firstDelay * (1 << min(failures - 1, 10)))
            try await Task.sleep(for: delay * Double.random(in: 0.5...1))
        }
        let member = connection.inOrder[0]
        do {
            let stream = try await EtcdWatchStream.open(connection, member, keys, prefix: prefix, after: revision)
            state.withLock { $0.stream = stream }
            return stream
        } catch {
            if !Task.isCancelled { connection.failed(member) }
            throw error
        }
    }

    /// Returns when the member of a silent watch doesn't answer, or says that the watch is late.
    private func watchOver(_ revision: Int64) async -> Step? {
        var isLate = false
        let (start, end) = keys.range(prefix)
        let latest = EtcdRange(
            key: start, rangeEnd: end, limit: EtcdNumber(1), sortOrder: "DESCEND", sortTarget: "MOD", keysOnly: true)
        while true {
            do {
                try await Task.sleep(for: connection.settings.silence)
                guard let member = state.withLock({ $0.stream?.member }) else { continue }
                let reply = try await connection.ask(member, latest, within: connection.settings.timeout)
                // It gets the time until the next look to tell what was written before this one.
                let wasLate = isLate
                isLate = (reply.kvs?.first?.modified?.value ?? 0) > revision
                if wasLate, isLate { return .broken }
            } catch {
                if Task.isCancelled { return nil }
                return .broken
            }
        }
    }
}
