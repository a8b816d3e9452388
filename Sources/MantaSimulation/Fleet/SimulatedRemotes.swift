import MantaCore
import MantaTime

/// How a front of the world reaches models on workers. Unchecked Sendable: see ``EventLoop``.
final class SimulatedRemotes: RemoteModels, @unchecked Sendable {
    private let process: SimulatedProcess
    private let world: World

    init(_ process: SimulatedProcess, in world: World) {
        (self.process, self.world) = (process, world)
    }

    func describe(
        _ address: RemoteAddress, within limit: Duration
    ) async throws(RemoteFailure) -> RemoteDescription {
        try await call(address, within: limit) { host, reply in
            let description = host.describe(address.group)
            reply(description.map { .success($0) } ?? .failure(RemoteFailure(.refused, "\(address): not ready")))
        }
    }

    func look(at address: RemoteAddress, within limit: Duration) async throws(RemoteFailure) {
        try await call(address, within: limit) { _, reply in reply(.success(())) }
    }

    func run(_ batch: RemoteBatch, at address: RemoteAddress) async throws(RemoteFailure) -> [Tensor] {
        do throws(RemoteFailure) {
            return try await call(address, within: batch.timeout) { host, reply in
                let isTaken = host.run(batch, on: address.group) { reply(.success($0)) }
                if !isTaken { reply(.failure(RemoteFailure(.refused, "\(address): no replica"))) }
            }
        } catch {
            // As the real client: it says nothing of the server that there was too little time.
            throw error.kind == .silent ? RemoteFailure(.late, error.message) : error
        }
    }

    private func call<Value: Sendable>(
        _ address: RemoteAddress, within limit: Duration,
        _ body: @escaping (SimulatedHost, _ reply: @escaping (Result<Value, RemoteFailure>) -> Void) -> Void
    ) async throws(RemoteFailure) -> Value {
        guard let worker = world.worker(at: address.server) else {
            throw RemoteFailure(.unreachable, "\(address): nobody there")
        }
        let process = process
        let world = world
        let result = await process.wait(
            orElse: Result<Value, RemoteFailure>.failure(RemoteFailure(.lost, "given up"))
        ) { answer in
            world.network.send(from: process.name, to: worker.process.name) {
                worker.host.serve(process.name) { kind in
                    answer(.failure(RemoteFailure(kind, "\(address): the process is gone")))
                } _: { deliver in
                    body(worker.host) { result in deliver { answer(result) } }
                }
            }
            process.loop.after(limit) { answer(.failure(RemoteFailure(.silent, "\(address): no answer in time"))) }
        }
        return try result.get()
    }
}

extension RemoteAddress {
    /// The group whose model it is.
    fileprivate var group: String { String(path.split(separator: "/")[2]) }
}
