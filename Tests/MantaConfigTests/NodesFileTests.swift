import Testing

@testable import MantaConfig

@Suite("Workers in manta.yaml")
struct NodesFileTests {
    private func read(_ nodes: String) -> (nodes: NodesConfiguration?, faults: [String]) {
        let yaml = "fleet:\n  etcd: [http://10.0.0.1:2379]\n  nodes:\n    \(nodes)\n"
        let (configuration, faults) = ServerConfiguration.read(yaml: yaml, file: "manta.yaml")
        return (configuration.fleet?.nodes, faults.map(\.description))
    }

    @Test("pods of a StatefulSet")
    func kubernetes() {
        let (nodes, faults) = read(
            """
            kubernetes: {stateful_set: manta-worker, namespace: models, min: 0, max: 10, cpus: 2, memory: 8 GiB, \
            gpus: 0.5, idle_time_s: 90, service_account: /run/account}
            """)

        var kubernetes = NodesConfiguration.Kubernetes(statefulSet: "manta-worker")
        (kubernetes.namespace, kubernetes.serviceAccount) = ("models", "/run/account")
        var expected = NodesConfiguration.kubernetes(kubernetes, 0...10)
        (expected.cpus, expected.memory, expected.gpus, expected.idleTime) = (2, 8 << 30, 0.5, .seconds(90))
        #expect(nodes == expected)
        #expect(faults.isEmpty)
    }

    @Test("processes of this machine")
    func local() {
        #expect(read("local: {max: 3}").nodes == .local(1...3))
    }

    @Test(
        "what is wrong is told with its place",
        arguments: [
            ("kubernetes: {stateful_set: w, max: 2}", "4:17: fleet.nodes.kubernetes: the key \"cpus\" is missing"),
            ("local: {min: 3, max: 2}", "4:26: fleet.nodes.local.max: expected \"min\", 3, or more, found 2"),
            (
                "local: {max: 0}",
                "4:18: fleet.nodes.local.max: expected a whole number from 1 to 1000, found 0"
            ),
            (
                "kubernetes: {stateful_set: Worker, max: 2, cpus: 1}",
                """
                4:32: fleet.nodes.kubernetes.stateful_set: expected a name of Kubernetes: lower-case letters, digits, \
                - and ., found the string "Worker"
                """
            ),
            (
                "docker: {max: 2}",
                "4:5: fleet.nodes: unknown key \"docker\"; allowed here: local, kubernetes"
            ),
            (
                "{local: {max: 2}, kubernetes: {stateful_set: w, max: 2, cpus: 1}}",
                "4:5: fleet.nodes: expected one of \"local\" and \"kubernetes\""
            ),
        ])
    func faults(nodes: String, fault: String) {
        #expect(read(nodes).faults == ["manta.yaml:" + fault])
    }
}
