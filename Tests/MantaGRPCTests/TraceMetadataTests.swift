import GRPCCore
import MantaCore
import MantaWire
import Synchronization
import Testing

@Suite("The trace of a call", .timeLimit(.minutes(1)))
struct TraceMetadataTests {
    @Test("its metadata goes to the server that runs the request; what isn't a trace, or two, don't")
    func handedOn() async throws {
        let server = RemoteEcho()
        let address = try #require(RemoteAddress("http://server:8000/v2/models/m"))
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let others: [Metadata] = [
            [:], ["traceparent": "00-0-0-01"], ["traceparent": "\(parent)", "Traceparent": "\(parent)"],
        ]
        try await TestListener.serving { setting in
            setting.remote = (server, address)
        } body: { listener in
            try await listener.withClient { client in
                let metadata: Metadata = ["traceparent": "\(parent)", "tracestate": "a=1", "tracestate": "b=2"]
                for metadata in [metadata] + others {
                    let reply = try await client.infer(.rows([1, 2]), metadata: metadata)
                    #expect(reply.rawOutputContents.count == 1)
                }
            }
        }

        let traces = server.traces.withLock { $0 }
        #expect(traces.map(\.?.parent) == [parent, nil, nil, nil])
        #expect(traces.first??.state == "a=1,b=2")
    }
}

/// A server elsewhere that gives the rows back.
private final class RemoteEcho: RemoteModels {
    let traces = Mutex<[TraceContext?]>([])

    func describe(_ address: RemoteAddress, within limit: Duration) async throws(RemoteFailure) -> RemoteDescription {
        RemoteDescription(
            signature: ModelSignature(
                inputs: [TensorSpec("x", .fp32, [-1, 2])], outputs: [TensorSpec("y", .fp32, [-1, 2])]), maxRows: 8)
    }

    func run(_ batch: RemoteBatch, at address: RemoteAddress) async throws(RemoteFailure) -> [Tensor] {
        traces.withLock { $0.append(batch.trace) }
        return batch.inputs.compactMap(\.self)
    }

    func look(at address: RemoteAddress, within limit: Duration) async throws(RemoteFailure) {}
}
