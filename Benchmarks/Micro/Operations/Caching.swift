import MantaCore
import MantaServing
import MantaTime

/// What a response cache adds to a request.
enum Caching {
    static let operations = [
        Operation(name: "cache-miss-64") { looking(requests: 128) },
        Operation(name: "cache-hit-64") { looking(requests: 16) },
    ]

    /// Requests of 64 numbers take turns, of which a cache of 64 KiB keeps fewer than 128 and more than 16.
    private static func looking(requests count: Int) -> () throws -> Void {
        var configuration = DeploymentConfiguration.ResponseCache()
        configuration.maxBytes = 64 << 10
        let cache = ResponseCache(configuration)
        let requests: [[Tensor?]] = (0..<count).map {
            [Tensor(shape: [1, 64], [Float](repeating: Float($0), count: 64))]
        }
        let outputs = [Tensor(shape: [1], [1] as [Int64]), Tensor(shape: [1, 10], [Float](repeating: 1, count: 10))]
        let now = Instant.now
        var next = 0
        let look = {
            let key = CacheKey(inputs: requests[next], outputs: [0, 1])
            switch cache.find(key, at: now) {
            case .missing: cache.finish(key, .success(outputs), at: now)
            case .kept(let entry): precondition(entry.outputs.count == 2)
            case .pending, .crowded: preconditionFailure("nobody else asks")
            }
            next = next + 1 == count ? 0 : next + 1
        }
        for _ in 0..<count { look() }
        return look
    }
}
