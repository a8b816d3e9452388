import Foundation
import Synchronization

/// A program that runs beside the server until it ends or is ended, such as one that follows events.
final class RunningTool: Sendable {
    private struct State {
        var output = ""
        var isOver = false
        var exitStatus: Int32?
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private final class Box: Sendable {
        let state = Mutex(State())

        func change(_ body: (inout State) -> Void) {
            let watchers = state.withLock { state in
                body(&state)
                defer { state.watchers = [] }
                return state.watchers
            }
            for watcher in watchers { watcher.resume() }
        }
    }

    private let box = Box()
    private let process = Process()

    /// Starts it.
    init(_ path: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let pipe = Pipe()
        (process.standardOutput, process.standardError) = (pipe, FileHandle.nullDevice)
        let box = box
        pipe.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            box.change { state in
                state.output += String(decoding: data, as: UTF8.self)
                state.isOver = state.isOver || data.isEmpty
            }
        }
        process.terminationHandler = { ended in
            let isExit = ended.terminationReason == .exit
            box.change { $0.exitStatus = isExit ? ended.terminationStatus : -ended.terminationStatus }
        }
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// What it wrote to standard output so far.
    var output: String { box.state.withLock { $0.output } }

    /// Sends it a signal.
    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Waits until it wrote this text; whether it did before it ended.
    func wrote(_ text: String) async -> Bool {
        await value { state in state.output.contains(text) ? true : state.isOver ? false : nil }
    }

    /// Waits for its end: the exit status, or minus the signal that ended it.
    func exitStatus() async -> Int32 {
        await value { state in state.isOver ? state.exitStatus : nil }
    }

    private func value<Value: Sendable>(_ find: @Sendable (State) -> Value?) async -> Value {
        while true {
            if let value = box.state.withLock({ find($0) }) { return value }
            await withCheckedContinuation { continuation in
                let isThere = box.state.withLock { state in
                    if find(state) != nil { return true }
                    state.watchers.append(continuation)
                    return false
                }
                if isThere { continuation.resume() }
            }
        }
    }
}
