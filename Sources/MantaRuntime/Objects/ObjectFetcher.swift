import Crypto
package import MantaTime

/// Brings objects from other nodes into this one's store.
///
/// ```swift
/// await fetcher.update { $0.set(.whole, of: id, at: "node-a") }
/// let object = try await fetcher.fetch(id, byteCount: 95_000_000)
/// // object.pin.path is the file; object.liars gave wrong bytes
/// ```
///
/// Ranges are pulled in parallel from all nodes that have them. What came stays when a fetch is cut short, by whatever,
/// and the next one pulls the rest. A whole object is checked before anybody gets it. If it is wrong, it is pulled again
/// from one node alone after the other, until one has it right; the comparison tells whose bytes were wrong.
///
/// Callers that want the same object at once share one fetch. If the one that makes it is cancelled, another goes on.
package actor ObjectFetcher<Random: RandomNumberGenerator & Sendable> {
    private typealias Landing = Result<FetchedObject, ObjectError>

    /// A range that came.
    private struct Piece {
        let holder: String
        let digest: SHA256.Digest
    }

    private enum Event: Sendable {
        case pulled(Int, from: String, SHA256.Digest)
        case failed(Int, at: String, String)
        /// Our own disk failed.
        case lost(Int, from: String, ObjectError)
        case rested
    }

    private let store: ObjectStore
    private let time: any TimeSource
    private let pullLimit: Duration
    private let source: @Sendable (String) -> any ObjectSource
    private var directory: ObjectDirectory<Random>
    private var random: Random
    private nonisolated let flights = Flights<ObjectID, Landing>()

    /// A fetcher that knows of no objects yet.
    ///
    /// - Parameters:
    ///   - store: Where objects are kept.
    ///   - time: The clock of delays.
    ///   - pullLimit: How long a node may take for one range.
    ///   - random: Decides between nodes that are equal, and in which order ranges are pulled.
    ///   - source: How a node is reached.
    package init(
        into store: ObjectStore, time: any TimeSource = MachineTime(), pullLimit: Duration = .seconds(60),
        random: Random, from source: @escaping @Sendable (String) -> any ObjectSource
    ) {
        (self.store, self.time, self.pullLimit, self.source) = (store, time, pullLimit, source)
        self.random = random
        directory = ObjectDirectory(random: random)
    }

    /// Changes who has what.
    package func update(_ change: @Sendable (inout ObjectDirectory<Random>) -> Void) { change(&directory) }

    /// How many callers wait for a fetch that another one makes.
    nonisolated var waiterCount: Int { flights.waiterCount }

    /// Gets an object, from other nodes if it isn't here.
    ///
    /// - Parameters:
    ///   - id: Its name.
    ///   - byteCount: Its size.
    /// - Returns: The object, kept for as long as the pin lives.
    /// - Throws: ``ObjectError``: `missing` if no node has it, `damaged` if none has it right, `unavailable` if nodes or
    ///   the disk failed too often, `noRoom` if it doesn't fit, `cancelled`. A further call goes on where it ended.
    package func fetch(_ id: ObjectID, byteCount: Int) async throws(ObjectError) -> FetchedObject {
        guard byteCount >= 0 else {
            throw ObjectError(.invalid, "object \(id): it is to have \(byteCount) bytes, expected 0 or more")
        }
        while !Task.isCancelled {
            if let pin = try await kept(id) { return FetchedObject(pin: pin) }
            guard flights.begin(id) else {
                guard let landing = await flights.landing(of: id) else { continue }
                return try landing.get()
            }
            var landing: Landing?
            do throws(ObjectError) {
                landing = try await make(id, byteCount: byteCount).map { .success($0) }
            } catch {
                landing = .failure(error)
            }
            let isOwn = if case .failure(let error) = landing { error.code == .cancelled } else { false }
            flights.land(id, isOwn ? nil : landing)
            if let landing { return try landing.get() }
        }
        throw ObjectError(.cancelled, "object \(id): nobody waits for it any more")
    }

    /// The object if it is here and right.
    private func kept(_ id: ObjectID) async throws(ObjectError) -> ObjectPin? {
        do throws(ObjectError) {
            return try await store.pin(id)
        } catch  where error.code == .damaged {
            return nil
        }
    }
}

// MARK: - Fetching

extension ObjectFetcher {
    /// - Returns: `nil` if somebody else put the object meanwhile.
    private func make(_ id: ObjectID, byteCount: Int) async throws(ObjectError) -> FetchedObject? {
        guard let draft = try await store.draft(id, byteCount: byteCount) else { return nil }
        let pieces = try await pull(draft, only: nil)
        var pulled = count(pieces, draft.layout)
        if let pin = try await store.complete(draft) { return FetchedObject(pin: pin, pulled: pulled) }

        var liars: Set<String> = []
        if draft.present.isEmpty, pulled.count == 1 { liars.formUnion(pulled.keys) }
        for holder in directory.holders(of: id) where !liars.contains(holder) {
            guard let draft = try await store.draft(id, byteCount: byteCount) else { return nil }
            guard let again = try await pullAll(draft, from: holder) else { continue }
            pulled.merge(count(again, draft.layout), uniquingKeysWith: +)
            guard let pin = try await store.complete(draft) else {
                liars.insert(holder)
                continue
            }
            for (chunk, piece) in pieces where piece.digest != again[chunk]?.digest { liars.insert(piece.holder) }
            distrust(liars, with: id)
            return FetchedObject(pin: pin, pulled: pulled, liars: liars.sorted())
        }
        distrust(liars, with: id)
        let names = liars.sorted().prefix(5).map(\.shortened).joined(separator: ", ")
        throw ObjectError(
            .damaged, "object \(id): no node has it right\(liars.isEmpty ? "" : ", wrong bytes came from \(names)")")
    }

    private func distrust(_ liars: Set<String>, with id: ObjectID) {
        for liar in liars { directory.distrust(liar, with: id) }
    }

    private func count(_ pieces: [Int: Piece], _ layout: ChunkLayout) -> [String: Int] {
        pieces.reduce(into: [:]) { $0[$1.value.holder, default: 0] += layout.range(of: $1.key).count }
    }

    /// Pulls everything from one node; `nil` if it fails. Nothing of it is kept then, since nothing must be mixed with it.
    private func pullAll(_ draft: ObjectDraft, from holder: String) async throws(ObjectError) -> [Int: Piece]? {
        do throws(ObjectError) {
            return try await pull(draft, only: holder)
        } catch {
            await store.forget(draft)
            guard error.code == .missing || error.code == .unavailable else { throw error }
            return nil
        }
    }

    /// Pulls what is missing.
    ///
    /// - Returns: Where each range came from that wasn't there before.
    private func pull(_ draft: ObjectDraft, only: String?) async throws(ObjectError) -> [Int: Piece] {
        var plan = FetchPlan(draft.id, draft.layout, present: draft.present, only: only, using: &random)
        let result = await withTaskGroup(of: Event.self) { group -> Result<[Int: Piece], ObjectError> in
            var pieces: [Int: Piece] = [:]
            var failure: ObjectError?
            var rest: Instant?
            pulling: while failure == nil {
                switch plan.next(from: &directory, at: time.now) {
                case .pull(let chunk, let holder):
                    let source = source(holder)
                    group.addTask { await self.pull(chunk, of: draft, from: source, at: holder) }
                    continue
                case .done: break pulling
                case .failed(let error): failure = error; continue
                case .rest(let until) where rest != until:
                    rest = until
                    group.addTask {
                        try? await self.time.sleep(until: until)
                        return .rested
                    }
                case .rest, .waitForPull: break
                }
                guard let event = await group.next() else { continue }
                if Task.isCancelled {
                    failure = ObjectError(.cancelled, "object \(draft.id): nobody waits for it any more")
                }
                switch event {
                case .pulled(let chunk, let holder, let digest):
                    plan.pulled(chunk)
                    pieces[chunk] = Piece(holder: holder, digest: digest)
                    directory.ended(at: holder, .answered, at: time.now)
                case .failed(let chunk, let holder, let reason):
                    directory.ended(at: holder, failure == nil ? .failed : .withdrawn, at: time.now)
                    let holders = only == nil ? directory.holders(of: draft.id).count : 1
                    if let error = plan.failed(chunk, reason, holders: holders) { failure = failure ?? error }
                case .lost(_, let holder, let error):
                    directory.ended(at: holder, .withdrawn, at: time.now)
                    failure = failure ?? error
                case .rested: rest = nil
                }
            }
            group.cancelAll()
            for await event in group { withdraw(event) }
            return failure.map { .failure($0) } ?? .success(pieces)
        }
        return try result.get()
    }

    /// A pull ended after the fetch had.
    private func withdraw(_ event: Event) {
        switch event {
        case .pulled(_, let holder, _), .failed(_, let holder, _), .lost(_, let holder, _):
            directory.ended(at: holder, .withdrawn, at: time.now)
        case .rested: break
        }
    }

    /// Pulls one range and keeps it.
    private nonisolated func pull(
        _ chunk: Int, of draft: ObjectDraft, from source: any ObjectSource, at holder: String
    ) async -> Event {
        let range = draft.layout.range(of: chunk)
        let bytes: [UInt8]
        do {
            bytes = try await read(draft.id, range, from: source)
        } catch {
            return .failed(chunk, at: holder, "\(error)")
        }
        guard bytes.count == range.count else {
            return .failed(chunk, at: holder, "\(bytes.count) bytes came, expected \(range.count)")
        }
        do throws(ObjectError) {
            return .pulled(chunk, from: holder, try await store.write(bytes, chunk: chunk, of: draft))
        } catch {
            return .lost(chunk, from: holder, error)
        }
    }

    /// Reads a range within the time for it.
    private nonisolated func read(
        _ id: ObjectID, _ range: Range<Int>, from source: any ObjectSource
    ) async throws -> [UInt8] {
        guard let bytes = try await time.result(within: pullLimit, of: { try await source.read(id, range) }) else {
            throw ObjectError(.unavailable, "no bytes came within \(pullLimit.milliseconds) ms")
        }
        return bytes
    }
}
