import AsyncHTTPClient
import FoundationEssentials
import MantaStore
import NIOCore

/// A watch at one member, while its connection holds.
///
/// Unchecked Sendable: one task at a time reads, as one reader has it.
final class EtcdWatchStream: @unchecked Sendable {
    /// Why there are no more commits.
    enum Fault: Error {
        /// The connection or the member is gone, or told nonsense. Another may do.
        case broken
        /// No other would do.
        case failed(StoreError)
        /// The user may not, or the token isn't known any more.
        case denied(StoreError)
    }

    /// A line may have an event with the largest value there can be, many times over.
    private static let maxLineBytes = 64 << 20

    let member: String
    private let keys: EtcdKeys
    private var chunks: HTTPClientResponse.Body.AsyncIterator
    private var buffer: [UInt8] = []
    private var assembly = EtcdCommitAssembly()

    private init(_ member: String, _ keys: EtcdKeys, _ body: HTTPClientResponse.Body) {
        (self.member, self.keys) = (member, keys)
        chunks = body.makeAsyncIterator()
    }

    /// Begins a watch and waits until the member has made it.
    static func open(
        _ connection: EtcdConnection, _ member: String, _ keys: EtcdKeys, prefix: String, after revision: Int64
    ) async throws -> EtcdWatchStream {
        let (start, end) = keys.range(prefix)
        let request = EtcdWatchCreate(
            create: .init(key: start, rangeEnd: end, startRevision: EtcdNumber(revision + 1)))
        let stream = EtcdWatchStream(member, keys, try await connection.stream(member, request))
        let created = try await connection.within(connection.settings.timeout) { try await stream.message() }
        try stream.check(created, after: revision)
        guard created.created == true, let present = created.header?.revision?.value else { throw Fault.broken }
        guard present < revision else { return stream }
        // The member may lag behind, or the store may have been brought back from an older copy.
        let current = try await connection.ask(
            member, EtcdRange(key: start, limit: EtcdNumber(1)), within: connection.settings.timeout)
        let latest = current.header?.revision?.value ?? 0
        guard latest >= revision else {
            throw Fault.failed(
                StoreError(
                    .compacted,
                    "a watch after revision \(revision) can't be answered, etcd is at \(latest): list again and watch "
                        + "after that"))
        }
        return stream
    }

    /// The next commit of a later revision than `revision`, if it has come already.
    func received(after revision: Int64) -> Commit? {
        // Etcd 3.4 may tell an event twice.
        while let commit = assembly.next() { if commit.revision > revision { return commit } }
        return nil
    }

    /// The next commit of a later revision than `revision`.
    func next(after revision: Int64) async throws -> Commit {
        while true {
            if let commit = received(after: revision) { return commit }
            let message = try await message()
            try check(message, after: revision)
            assembly.add(message, keys)
        }
    }

    private func check(_ message: EtcdWatchMessage.Result, after revision: Int64) throws {
        if let compacted = message.compactRevision?.value, compacted > 0 {
            throw Fault.failed(
                StoreError(
                    .compacted,
                    "a watch after revision \(revision) can't be answered, etcd has forgotten what was before "
                        + "\(compacted): list again and watch after that"))
        }
        guard message.canceled == true else { return }
        let reason = message.cancelReason ?? ""
        let refusals = ["permission denied", "auth", "user name is empty"]
        guard refusals.contains(where: reason.contains) else { throw Fault.broken }
        throw Fault.denied(StoreError(.unauthorised, "\(member) refuses a watch: \(reason)"))
    }

    /// The next message: one line.
    private func message() async throws -> EtcdWatchMessage.Result {
        var searched = 0
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Data(buffer[..<end])
                buffer.removeFirst(end + 1)
                guard let message = try? JSONDecoder().decode(EtcdWatchMessage.self, from: line),
                    let result = message.result, result.header != nil
                else { throw Fault.broken }
                return result
            }
            searched = buffer.count
            guard searched <= Self.maxLineBytes, let chunk = try await chunks.next() else { throw Fault.broken }
            buffer += chunk.readableBytesView
        }
    }
}

/// Puts the events of a watch together: all of one revision are a commit. A value.
struct EtcdCommitAssembly {
    private var events: ArraySlice<(revision: Int64, change: Commit.Change)> = []
    private var isWhole = true

    /// A message has come.
    mutating func add(_ message: EtcdWatchMessage.Result, _ keys: EtcdKeys) {
        isWhole = message.fragment != true
        for event in message.events ?? [] {
            guard let entry = event.kv, let revision = entry.modified?.value else { continue }
            let change: Commit.Change =
                event.type == "DELETE" ? .deleted(keys.key(entry.key)) : .put(keys.entry(entry))
            events.append((revision, change))
        }
    }

    /// The next commit, once all of its events have come.
    mutating func next() -> Commit? {
        guard isWhole, let revision = events.first?.revision else { return nil }
        let count = events.prefix { $0.revision == revision }.count
        var changes = events.prefix(count).map(\.change)
        events = events.dropFirst(count)
        changes.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return Commit(revision: revision, changes: changes)
    }
}
