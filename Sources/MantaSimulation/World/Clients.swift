import MantaCore
import MantaServing
import MantaTime

/// Clients of the fronts: requests come independently, whatever became of those before (open loop). Unchecked Sendable:
/// see ``EventLoop``.
final class Clients: @unchecked Sendable {
    /// Requests a second, for each deployment at each front.
    private static let rate = 3.0

    private let world: World
    private let wishes: Operator
    private var nextNumber = 1
    private let end: Instant
    /// Whether there is much to do every other while, and hardly anything in between.
    private let comesInWaves: Bool
    private static let wave = (seconds: Int64(15), high: 6.0, low: 0.05)

    init(_ world: World, _ wishes: Operator, until end: Instant, comesInWaves: Bool = false) {
        (self.world, self.wishes, self.end, self.comesInWaves) = (world, wishes, end, comesInWaves)
    }

    /// Begins to send requests to the front of an index, whichever process it is.
    func start(at front: Int) {
        let loop = world.loop
        let isHigh = loop.now.secondsSinceStart / Self.wave.seconds % 2 == 1
        let factor = comesInWaves ? isHigh ? Self.wave.high : Self.wave.low : 1
        let rate = Self.rate * Double(max(wishes.names.count, 1)) * factor
        let next = loop.now + loop.random.interval(perSecond: rate)
        guard next < end else { return }
        loop.at(next) { [self] in
            if let name = loop.random.one(of: wishes.names) { send(to: world.fronts[front], name) }
            start(at: front)
        }
    }

    private func send(to front: SimulatedFront, _ name: String) {
        guard front.process.state == .runs, front.isReady else { return }
        let loop = world.loop
        let number = nextNumber
        nextNumber += 1
        let isHasty = loop.random.happens(0.05)
        let timeout = isHasty ? loop.random.duration(.milliseconds(2), .milliseconds(60)) : Duration.seconds(4)
        let auditor = world.auditor
        auditor.began(
            number,
            .init(
                deployment: name, front: front.process.name, started: loop.now, timeout: timeout,
                isIdempotent: wishes.isIdempotent(name)))
        front.receive(number) { [wishes] in
            do throws(ServingError) {
                let deployment = try front.catalog.deployment(name)
                let response = try await deployment.infer(
                    SimulatedModel.request(number), schedule: .init(timeout: timeout), at: try deployment.target(nil))
                auditor.ended(number, .success(SimulatedModel.answer(response)), of: wishes.goodVersions[name] ?? [])
            } catch {
                auditor.ended(number, .failure(error), of: [])
            }
        }
        if loop.random.happens(0.03) {
            loop.after(loop.random.duration(.zero, .milliseconds(20))) {
                auditor.hungUp(number)
                front.hangUp(number)
            }
        }
    }
}
