import MantaCore
import MantaTime
import MantaWire
import Synchronization
import SwiftProtobuf

/// A stream of requests, several of which are worked on at a time; their replies come in their order.
///
/// A request that fails gets an error in its place, and the stream goes on, unless the client asked for the stream to end
/// with its status (`triton_grpc_error: true`).
struct StreamInference: Sendable {
    let methods: InferenceMethods
    let call: Call
    let writer: ReplyWriter<StreamReply>
    private let turns = Turns()

    init(methods: InferenceMethods, call: Call, writer: ReplyWriter<StreamReply>) {
        (self.methods, self.call, self.writer) = (methods, call, writer)
    }

    /// Answers requests until there are no more.
    func run(_ messages: RequestReader<InferMessage>) async throws {
        let endsWithStatus = call.metadata.values(of: "triton_grpc_error").contains("true")
        do {
            try await read(messages, endsWithStatus: endsWithStatus)
        } catch {
            throw turns.failure ?? error
        }
        if let failure = turns.failure { throw failure }
    }

    private func read(
        _ messages: RequestReader<InferMessage>, endsWithStatus: Bool
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            var count = 0
            call.setIdle(true)
            for try await message in messages {
                if count >= methods.requestsPerStream { try await tasks.next() }
                let (turn, arrived) = (count, Instant.now)
                turns.began(call)
                tasks.addTask {
                    try await answer(message, turn: turn, arrived: arrived, endsWithStatus: endsWithStatus)
                }
                count += 1
            }
            try await tasks.waitForAll()
        }
    }

    private func answer(
        _ message: InferMessage, turn: Int, arrived: Instant, endsWithStatus: Bool
    ) async throws {
        let reply: StreamReply
        do throws(ServingError) {
            var answer = try await methods.infer(message, call, started: arrived)
            if case .bool(true) = message.head.parameters[StreamParameters.wantsFinalResponse]?.value {
                answer.head.parameters[StreamParameters.isFinalResponse] = .with { $0.boolParam = true }
            }
            reply = .reply(answer)
        } catch {
            if error.code == .cancelled { throw error }
            if endsWithStatus {
                await turns.wait(for: turn)
                turns.failed(error)
                // Nothing more is read, nor answered.
                return call.cancel()
            }
            reply = .error(error.statusMessage)
        }
        await turns.wait(for: turn)
        try Task.checkCancellation()
        try await writer.write(reply)
        turns.ended(call)
    }
}

/// Whose turn it is to be written.
private final class Turns: Sendable {
    private struct State {
        var next = 0
        var running = 0
        var failure: ServingError?
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    /// Another request is worked on.
    func began(_ call: Call) {
        state.withLock { $0.running += 1 }
        call.setIdle(false)
    }

    /// Waits until all before this one are written.
    func wait(for turn: Int) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isNow = state.withLock { state in
                    if state.next >= turn || Task.isCancelled { return true }
                    state.waiting[turn] = continuation
                    return false
                }
                if isNow { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: turn) }?.resume()
        }
    }

    /// What the stream ends with, if it is a request's failure.
    var failure: ServingError? { state.withLock { $0.failure } }

    /// A request's failure ends the stream.
    func failed(_ error: ServingError) { state.withLock { $0.failure = $0.failure ?? error } }

    /// One is written.
    func ended(_ call: Call) {
        let (waiter, isIdle) = state.withLock { state in
            state.next += 1
            state.running -= 1
            return (state.waiting.removeValue(forKey: state.next), state.running == 0)
        }
        waiter?.resume()
        if isIdle { call.setIdle(true) }
    }
}
