import MantaCore
import MantaTestKit
import Synchronization

/// Servers elsewhere, as a test wants them to be.
final class FakeRemotes: RemoteModels {
    /// What a server does.
    struct Server: Sendable {
        /// What it says of its model.
        var description: Result<RemoteDescription, RemoteFailure> = .success(
            RemoteDescription(signature: .twoColumns, maxRows: 8, replicas: 1))
        /// What it does with a batch; by default it gives the first input back.
        var run: @Sendable (RemoteBatch) async throws(RemoteFailure) -> [Tensor] = {
            (batch: RemoteBatch) async throws(RemoteFailure) -> [Tensor] in [batch.inputs[0]!]
        }
        /// Why it doesn't live.
        var deadness: RemoteFailure?
        /// Takes the time that it lets whoever looks at it wait, of that which they have.
        var delay: @Sendable (Duration) async -> Void = { _ in }
    }

    private let servers: Mutex<[RemoteAddress: Server]>
    private let counts = Mutex<[RemoteAddress: [Int]]>([:])
    private let looks = Mutex<[RemoteAddress: Int]>([:])
    /// The one that is in this process.
    private let own: RemoteAddress?

    init(_ servers: [RemoteAddress: Server], own: RemoteAddress? = nil) {
        self.servers = Mutex(servers)
        self.own = own
    }

    func isHere(_ address: RemoteAddress) -> Bool { address == own }

    /// Changes a server.
    func change(_ address: RemoteAddress, _ body: (inout Server) -> Void) {
        servers.withLock { body(&$0[address, default: Server()]) }
    }

    /// The rows of the batches that a server got.
    func batches(at address: RemoteAddress) -> [Int] { counts.withLock { $0[address] ?? [] } }

    /// How often a server was asked whether it lives.
    func looks(at address: RemoteAddress) -> Int { looks.withLock { $0[address] ?? 0 } }

    func describe(
        _ address: RemoteAddress, within limit: Duration
    ) async throws(RemoteFailure) -> RemoteDescription {
        try server(address).description.get()
    }

    func look(at address: RemoteAddress, within limit: Duration) async throws(RemoteFailure) {
        looks.withLock { $0[address, default: 0] += 1 }
        await (try server(address)).delay(limit)
        if let failure = try server(address).deadness { throw failure }
    }

    func run(_ batch: RemoteBatch, at address: RemoteAddress) async throws(RemoteFailure) -> [Tensor] {
        counts.withLock { $0[address, default: []].append(batch.inputs[0]?.rowCount ?? 0) }
        return try await server(address).run(batch)
    }

    private func server(_ address: RemoteAddress) throws(RemoteFailure) -> Server {
        guard let server = servers.withLock({ $0[address] }) else {
            throw RemoteFailure(.unreachable, "\(address): connection refused")
        }
        return server
    }
}
