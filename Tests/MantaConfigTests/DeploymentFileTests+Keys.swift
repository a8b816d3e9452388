import MantaAutoscaler
import MantaCore
import MantaRuntime
import MantaServing

@testable import MantaConfig

/// Every key of `model.yaml`.
extension DeploymentFileTests {
    private static let rows = "a whole number from 1 to 65536"
    private static let version = "latest, all, a list of versions such as [1, 3], or {latest: 2}"

    static let keys: [Key] =
        [
            Key(
                "name", "digits", expected: "\"digits\", the name of the deployment",
                refused: notStrings + strings("Digits")
            ) { $0.name == "digits" },
            Key("path", "weights/net.onnx", expected: "a path (a string)", refused: notStrings) {
                $0.path == "/srv/digits/weights/net.onnx"
            },
            Key("engine", "onnxruntime", expected: "onnxruntime", refused: notStrings + strings("tensorrt")) {
                $0.engine == "onnxruntime"
            },
            Key(
                "batching.max_batch_size", "16", expected: "a whole number from 0 to 65536",
                refused: notNumbers + numbers("-1", "65537", "2.0", "1e3")
            ) { $0.batching.maxRows == 16 },
            Key(
                "batching.max_queue_delay_ms", "0.5", expected: "a number of milliseconds from 0 to 60000",
                refused: notNumbers + numbers("-0.1", "60000.5")
            ) { $0.batching.maxDelay == .microseconds(500) },
            Key(
                "batching.preferred_batch_sizes", "[4, 8]", expected: "a list, each \(rows)",
                refused: [("64", "64"), ("{a: 1}", "a mapping"), ("~", "nothing")]
            ) { $0.batching.preferredRows == [4, 8] },
            Key("batching.across_requests", "false", expected: "true or false", refused: notFlags) {
                !$0.batching.isAcrossRequests
            },
            Key("batching.preserve_order", "true", expected: "true or false", refused: notFlags) {
                $0.batching.keepsOrder
            },
            Key(
                "file_name", "net.onnx", expected: "the name of a file, without a folder",
                refused: notStrings + strings("a/b", "..")
            ) { $0.fileName == "net.onnx" },
            Key(
                "slo.p99_ms", "20", expected: "a number of milliseconds from 0.1 to 3600000",
                refused: notNumbers + numbers("0", "3600001")
            ) { $0.objective == .milliseconds(20) },
            Key(
                "queue.max_requests", "7", expected: "a whole number from 1 to 1000000",
                refused: notNumbers + numbers("0", "1000001")
            ) { $0.queue.maxRequests == 7 },
            Key(
                "queue.max_bytes", "64 MiB", expected: "a size from 1 byte to 1024 GiB, as bytes or such as 64 MiB",
                refused: notNumbers + numbers("0", "1.5", "1099511627777")
                    + strings("64MB", "1.5 GiB", "-1 KiB", "1025 GiB")
            ) { $0.queue.maxBytes == 64 << 20 },
            Key(
                "queue.default_timeout_ms", "2.5e3", expected: "a number of milliseconds from 0.001 to 86400000",
                refused: notNumbers + numbers("0", "86400001")
            ) { $0.queue.defaultTimeout == .milliseconds(2500) },
            Key("queue.on_timeout", "delay", expected: "reject, delay", refused: notStrings + strings("drop")) {
                $0.queue.onTimeout == .delay
            },
            Key(
                "queue.timeout_override", "shorter", expected: "any, shorter, none",
                refused: notStrings + strings("longer")
            ) { $0.queue.timeoutOverride == .shorter },
            Key(
                "queue.priorities", "3", expected: "a whole number from 1 to 1024",
                refused: notNumbers + numbers("0", "1025")
            ) { $0.queue.priorities == 3 },
            Key(
                "queue.default_priority", "2", expected: "a whole number from 1 to 1024",
                refused: notNumbers + numbers("0", "1025")
            ) { $0.queue.defaultPriority == 2 },
            Key(
                "hedge.after_p", "99.5", expected: "a number from 1 to 99.9",
                refused: notNumbers + numbers("0", "99.95", "100")
            ) { $0.hedge?.afterPercentile == 99.5 },
            Key(
                "hedge.budget", "0.1", expected: "a number from 0.001 to 1", refused: notNumbers + numbers("0", "1.01")
            ) { $0.hedge?.budget == 0.1 },
            Key(
                "response_cache.max_bytes", "8 MiB",
                expected: "a size from 1 byte to 1024 GiB, as bytes or such as 64 MiB",
                refused: notNumbers + numbers("0", "1.5", "1099511627777") + strings("64MB", "1025 GiB")
            ) { $0.responseCache?.maxBytes == 8 << 20 },
            Key(
                "response_cache.ttl_s", "0.5", expected: "a number of seconds from 0.001 to 86400",
                refused: notNumbers + numbers("0", "86401")
            ) { $0.responseCache?.timeToLive == .milliseconds(500) },
            Key(
                "replicas", "3", expected: "a whole number from 1 to 1024", refused: notNumbers + numbers("0", "1025")
            ) { $0.replicas == 3 },
            Key("tuning", "true", expected: "true or false", refused: notFlags) { $0.isTuned },
            Key(
                "versions.serve", "all", expected: version,
                refused: notStrings.filter { $0.yaml.first != "[" && $0.yaml.first != "{" } + strings("newest")
            ) { $0.versions == .all },
            Key(
                "versions.serve.latest", "2", expected: "a whole number from 1 to 1024",
                refused: notNumbers + numbers("0", "1025")
            ) { $0.versions == .latest(2) },
            Key(
                "warmup.rows", "[1, 64]", expected: "a list, each \(rows)",
                refused: [("64", "64"), ("all", "the string \"all\""), ("{a: 1}", "a mapping"), ("~", "nothing")]
            ) { $0.warmupRows == [1, 64] },
            Key(
                "onnxruntime.threads", "4", expected: "a whole number from 1 to 1024",
                refused: notNumbers + numbers("0", "1025")
            ) { $0.options.threads == 4 },
            Key(
                "onnxruntime.execution", "parallel", expected: "sequential, parallel",
                refused: notStrings + strings("fast")
            ) { $0.options.execution == .parallel },
            Key(
                "onnxruntime.inter_op_threads", "2", expected: "a whole number from 1 to 1024",
                refused: notNumbers + numbers("0", "1025")
            ) { $0.options.interOpThreads == 2 },
            Key(
                "onnxruntime.optimization", "basic", expected: "none, basic, extended, all",
                refused: notStrings + strings("off")
            ) { $0.options.optimization == .basic },
            Key("onnxruntime.arena", "false", expected: "true or false", refused: notFlags) {
                $0.options.arena == false
            },
            Key("onnxruntime.memory_pattern", "true", expected: "true or false", refused: notFlags) {
                $0.options.memoryPattern == true
            },
        ] + rollout + autoscaling + needs

    private static let rollout: [Key] = [
        Key(
            "rollout.trial_requests", "50", expected: "a whole number from 0 to 100000",
            refused: notNumbers + numbers("-1", "100001", "1.5")
        ) { $0.rollout.trialRequests == 50 },
        Key("rollout.trial_s", "0.5", expected: seconds(from: "0"), refused: notNumbers + numbers("-0.1", "86400.5")) {
            $0.rollout.trialTime == .milliseconds(500)
        },
        Key("rollout.settle_s", "60", expected: seconds(from: "0"), refused: notNumbers + numbers("-1", "86401")) {
            $0.rollout.settleTime == .seconds(60)
        },
        Key("rollout.drain_timeout_s", "0", expected: seconds(from: "0"), refused: notNumbers + numbers("-1", "86401"))
        {
            $0.rollout.drainTimeout == .zero
        },
        Key("rollout.allow_signature_change", "true", expected: "true or false", refused: notFlags) {
            $0.rollout.allowsSignatureChange
        },
    ]

    private static let autoscaling: [Key] = [
        scaling("min_replicas", "0", expected: "a whole number from 0 to 1024", refused: ["-1", "1025"]) {
            $0.minReplicas == 0
        },
        scaling("max_replicas", "4", expected: "a whole number from 1 to 1024", refused: ["0", "1025"]) {
            $0.maxReplicas == 4
        },
        scaling("initial_replicas", "2", expected: "a whole number from 0 to 1024", refused: ["-1", "1025"]) {
            $0.initialReplicas == 2
        },
        scaling(
            "target_ongoing_requests", "1.5", expected: "a number from 0.01 to 1000000", refused: ["0", "1000000.5"]
        ) { $0.targetOngoingRequests == 1.5 },
        scaling(
            "target_queue_wait_ms", "25", expected: "a number of milliseconds from 0.1 to 3600000",
            refused: ["0", "3600001"]
        ) { $0.targetQueueWait == .milliseconds(25) },
        scaling("upscale_delay_s", "2", expected: seconds(from: "0"), refused: ["-1", "86401"]) {
            $0.upscaleDelay == .seconds(2)
        },
        scaling("downscale_delay_s", "2", expected: seconds(from: "0"), refused: ["-1", "86401"]) {
            $0.downscaleDelay == .seconds(2)
        },
        scaling("downscale_to_zero_delay_s", "2", expected: seconds(from: "0"), refused: ["-1", "86401"]) {
            $0.downscaleToZeroDelay == .seconds(2)
        },
        scaling("upscaling_factor", "0.5", expected: "a number from 0.01 to 100", refused: ["0", "101"]) {
            $0.upscalingFactor == 0.5
        },
        scaling("downscaling_factor", "0.5", expected: "a number from 0.01 to 1", refused: ["0", "1.01"]) {
            $0.downscalingFactor == 0.5
        },
        scaling("look_back_period_s", "30", expected: seconds(from: "0.01"), refused: ["0", "86401"]) {
            $0.lookBackPeriod == .seconds(30)
        },
        scaling(
            "metrics_interval_s", "1", expected: "a number of seconds from 0.01 to 3600", refused: ["0", "3601"]
        ) { $0.metricsInterval == .seconds(1) },
    ]

    private static let amount = "a number from 0 to 1000000, with at most three decimals"
    private static let notAmounts = notNumbers + numbers("-1", "1000000.5", "0.0005", "1e-9")
    private static let notMappings: [Refusal] = [
        ("zone", "the string \"zone\""), ("3", "3"), ("[a]", "a list"), ("true", "true"),
    ]

    private static let needs: [Key] = [
        Key("resources.cpus", "0.5", expected: amount, refused: notAmounts) {
            $0.resources.cpus == Amount(thousandths: 500)
        },
        Key(
            "resources.memory", "2GiB", expected: "a size from 0 bytes to 1024 GiB, as bytes or such as 64 MiB",
            refused: notNumbers + numbers("-1", "1.5", "1099511627777") + strings("2GB", "2Gi", "1025 GiB")
        ) { $0.resources.memory == 2 << 30 },
        Key("resources.gpus", "1", expected: amount, refused: notAmounts) { $0.resources.gpus == Amount(1) },
        Key(
            "resources.custom", "{tpu: 1, licence/v2: 0.001}", expected: "a mapping of keys to values",
            refused: notMappings
        ) { $0.resources.custom == ["tpu": Amount(1), "licence/v2": Amount(thousandths: 1)] },
        Key(
            "placement.labels", "{zone: a, \"1\": \"\"}", expected: "a mapping of keys to values", refused: notMappings
        ) { $0.placement.labels == ["zone": "a", "1": ""] },
        Key("placement.preferred_labels", "{disk: ssd}", expected: "a mapping of keys to values", refused: notMappings)
        { $0.placement.preferredLabels == ["disk": "ssd"] },
    ]

    private static func seconds(from least: String) -> String { "a number of seconds from \(least) to 86400" }

    private static func scaling(
        _ key: String, _ value: String, expected: String, refused: [String],
        reaches: @escaping @Sendable (AutoscalingConfiguration) -> Bool
    ) -> Key {
        Key("autoscaling.\(key)", value, expected: expected, refused: notNumbers + refused.map { ($0, $0) }) {
            $0.autoscaling.map(reaches) == true
        }
    }
}
