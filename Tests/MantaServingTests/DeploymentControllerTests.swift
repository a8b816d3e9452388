import MantaTime
@testable import MantaServing
import Testing

private let start = Instant.now

func spec(_ number: Int, content: String = "a") -> InstanceSpec {
    InstanceSpec(
        VersionSpec(number: number, path: "m/\(number)/model.onnx", hash: "sha256:\(content)"),
        configuration: DeploymentConfiguration(name: "m"))
}

/// Actions without what is only told to people.
private func essential(_ actions: [DeploymentController.Action]) -> [DeploymentController.Action] {
    actions.filter { if case .note = $0 { false } else { true } }
}

private func routes(
    _ versions: [Int: Int], default version: Int?, asleep: [Int] = [], standbys: [Int: Int] = [:]
) -> DeploymentController.Routes {
    var routes = DeploymentController.Routes()
    (routes.versions, routes.defaultVersion) = (versions, version)
    (routes.asleep, routes.standbys) = (asleep, standbys)
    return routes
}

@Suite("The controller of a deployment")
struct DeploymentControllerTests {
    /// One that serves version 1 as instance 0 with two replicas.
    private func serving() -> DeploymentController {
        var controller = DeploymentController()
        for event: DeploymentController.Event in [
            .scale(default: 2), .wanted([spec(1)]), .loaded(0), .replicaReady(0, 0), .replicaReady(0, 1),
        ] {
            _ = controller.handle(event, at: start)
        }
        return controller
    }

    @Test("a first version serves once all its replicas are ready")
    func firstVersion() {
        var controller = DeploymentController()

        #expect(controller.handle(.scale(default: 2), at: start) == [])
        #expect(controller.handle(.wanted([spec(1)]), at: start) == [.load(0, spec(1))])
        #expect(controller.handle(.loaded(0), at: start) == [.startReplica(0, 0), .startReplica(0, 1)])
        #expect(controller.handle(.replicaReady(0, 1), at: start) == [])
        let last = controller.handle(.replicaReady(0, 0), at: start)

        #expect(essential(last) == [.route(routes([1: 0], default: 1))])
    }

    @Test(
        "an update is tried with one replica, grows, takes over, and the old one stands by until it has proved itself")
    func update() {
        var controller = serving()

        #expect(controller.handle(.wanted([spec(2)]), at: start) == [.load(1, spec(2))])
        #expect(controller.handle(.loaded(1), at: start) == [.startReplica(1, 0), .beginTrial(1, against: 0)])
        #expect(controller.handle(.replicaReady(1, 0), at: start) == [])
        #expect(controller.handle(.trialEnded(1, fault: nil), at: start) == [.startReplica(1, 1)])
        #expect(
            essential(controller.handle(.replicaReady(1, 1), at: start)) == [
                .route(routes([1: 0, 2: 1], default: 2, standbys: [1: 0])), .wakeUp(at: start + .seconds(5)),
            ])
        #expect(controller.handle(.proved(1), at: start) == [.route(routes([2: 1], default: 2)), .retire(0)])
        #expect(controller.handle(.gone(0), at: start) == [])
        #expect(controller.instances.keys.sorted() == [1])
    }

    @Test("the same version with other content replaces the old instance")
    func replacement() {
        var controller = serving()
        for event: DeploymentController.Event in [
            .wanted([spec(1, content: "b")]), .loaded(1), .trialEnded(1, fault: nil), .replicaReady(1, 0),
        ] {
            _ = controller.handle(event, at: start)
        }

        #expect(
            essential(controller.handle(.replicaReady(1, 1), at: start)).first
                == .route(routes([1: 1], default: 1, standbys: [1: 0])))
        let actions = controller.handle(.timer, at: start + .seconds(5))

        #expect(actions == [.route(routes([1: 1], default: 1)), .retire(0)])
    }

    @Test(
        "a version that fails to load or in its trial halts the update, and is tried again only when asked",
        arguments: [
            [DeploymentController.Event.failed(1, reason: "bad")],
            [.loaded(1), .replicaReady(1, 0), .trialEnded(1, fault: "bad")],
            [.loaded(1), .replicaReady(1, 0), .replicaEnded(1, 0)],
        ])
    func halt(events: [DeploymentController.Event]) {
        var controller = serving()
        _ = controller.handle(.wanted([spec(2)]), at: start)
        for event in events { _ = controller.handle(event, at: start) }

        #expect(controller.routes == routes([1: 0], default: 1))
        #expect(controller.halted[spec(2)] != nil)
        #expect(essential(controller.handle(.wanted([spec(2)]), at: start)) == [])
        #expect(controller.handle(.wanted([spec(2)], retry: true), at: start) == [.load(2, spec(2))])
    }

    @Test("a version that fails requests which the old one can answer goes back to it")
    func revert() {
        var controller = serving()
        for event: DeploymentController.Event in [
            .wanted([spec(2)]), .loaded(1), .trialEnded(1, fault: nil), .replicaReady(1, 0), .replicaReady(1, 1),
        ] {
            _ = controller.handle(event, at: start)
        }

        let actions = controller.handle(.regressed(1, reason: "no such operator"), at: start)

        #expect(essential(actions) == [.route(routes([1: 0], default: 1)), .retire(1)])
        #expect(controller.halted[spec(2)] == "no such operator")
    }

    @Test("of several versions a broken one doesn't stop the others, and nothing is taken away while it is broken")
    func brokenAmongSeveral() {
        var controller = serving()
        _ = controller.handle(.wanted([spec(2), spec(3)]), at: start)
        for event: DeploymentController.Event in [
            .failed(2, reason: "bad"), .loaded(1), .trialEnded(1, fault: nil), .replicaReady(1, 0), .replicaReady(1, 1),
            .proved(1),
        ] {
            _ = controller.handle(event, at: start)
        }

        #expect(controller.routes.versions == [1: 0, 2: 1])
        #expect(controller.routes.defaultVersion == 2)
    }

    @Test("scaling in drains the newest replicas, scaling to none lets the instance go, scaling out loads it again")
    func scaling() {
        var controller = serving()

        #expect(controller.handle(.scale(default: 3), at: start) == [.startReplica(0, 2)])
        #expect(controller.handle(.scale(default: 1), at: start) == [.drainReplica(0, 2), .drainReplica(0, 1)])
        #expect(
            controller.handle(.scale(default: 0), at: start) == [
                .route(routes([:], default: 1, asleep: [1])), .retire(0),
            ])
        #expect(
            controller.handle(.count(1, version: 1), at: start) == [
                .load(1, spec(1)), .route(routes([:], default: nil)),
            ])
    }

    @Test("an update of a version that was freed after it had been scaled to none keeps serving")
    func updateAfterFreeing() {
        var controller = serving()
        _ = controller.handle(.scale(default: 0, versions: [1: 2]), at: start)

        let actions = controller.handle(.wanted([spec(2)]), at: start)

        #expect(actions == [.load(1, spec(2))])
        #expect(controller.routes.versions == [1: 0])
        #expect(controller.count(of: 2) == 2)
    }

    @Test("what stands by serves again when it is wanted again, without being loaded anew")
    func returnToOld() {
        var controller = serving()
        for event: DeploymentController.Event in [
            .wanted([spec(1, content: "b")]), .loaded(1), .trialEnded(1, fault: nil), .replicaReady(1, 0),
            .replicaReady(1, 1),
        ] {
            _ = controller.handle(event, at: start)
        }

        let actions = controller.handle(.wanted([spec(1)]), at: start)

        #expect(actions == [.route(routes([1: 0], default: 1)), .retire(1)])
    }

    @Test("after a restart, an older version stands in for one that can't be loaded, until that is mended")
    func standIn() {
        var controller = DeploymentController()
        _ = controller.handle(.wanted([spec(3)], fallbacks: [spec(2), spec(1)]), at: start)

        #expect(essential(controller.handle(.failed(0, reason: "bad"), at: start)) == [.load(1, spec(2))])
        #expect(essential(controller.handle(.failed(1, reason: "bad"), at: start)) == [.load(2, spec(1))])
        for event: DeploymentController.Event in [.loaded(2), .replicaReady(2, 0)] {
            _ = controller.handle(event, at: start)
        }
        #expect(controller.routes == routes([1: 2], default: 1))

        for event: DeploymentController.Event in [
            .wanted([spec(3, content: "b")], fallbacks: [spec(2), spec(1)]), .loaded(3), .trialEnded(3, fault: nil),
            .replicaReady(3, 0), .proved(3),
        ] {
            _ = controller.handle(event, at: start)
        }
        #expect(controller.routes == routes([3: 3], default: 3))
    }

    @Test("a replica that ends by itself is replaced")
    func crash() {
        var controller = serving()

        #expect(essential(controller.handle(.replicaEnded(0, 1), at: start)) == [.startReplica(0, 2)])
        #expect(controller.restarts == 1)
    }

    @Test("a deployment that isn't wanted any more goes as a whole")
    func removal() {
        var controller = serving()
        _ = controller.handle(.wanted([spec(2)]), at: start)

        #expect(
            controller.handle(.wanted([]), at: start) == [.route(routes([:], default: nil)), .retire(0), .retire(1)])
    }
}
