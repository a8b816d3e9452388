// swift-tools-version:6.2
import PackageDescription

/// Those of generated code too, which doesn't mark the unsafe constructs that it has.
let generatedSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
    // Lets the optimiser specialise generic code of one target for its users in another, as if they were one. It changes
    // how code is compiled, not what it means, so it is sound; SwiftPM just has no name for it yet.
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

let settings = generatedSettings + [.strictMemorySafety()]

/// A Swift target of this package, with the settings that all of them share.
func part(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

/// The tests of one part.
func tests(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: [.init(stringLiteral: name), "MantaTestKit", "MantaTime"] + dependencies,
        exclude: exclude, swiftSettings: settings)
}

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let asyncAlgorithms = Target.Dependency.product(name: "AsyncAlgorithms", package: "swift-async-algorithms")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let grpcCore = Target.Dependency.product(name: "GRPCCore", package: "grpc-swift-2")
let grpcProtobuf = Target.Dependency.product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
let grpcTransport = Target.Dependency.product(
    name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioFoundation = Target.Dependency.product(name: "NIOFoundationEssentialsCompat", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")

let package = Package(
    name: "manta",
    products: [.executable(name: "manta", targets: ["manta"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
        // Without its default trait it doesn't link the whole of Foundation.
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.0"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.0"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Read from the bottom up: a part imports only what stands above it in this list.
        .systemLibrary(
            name: "CMicroHTTPD", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
        .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CMantaMemory"),
        // libmicrohttpd's own TLS library, which its development package brings along.
        .target(
            name: "CMantaHTTP", dependencies: ["CMicroHTTPD", "CMantaMemory"],
            linkerSettings: [.linkedLibrary("gnutls")]),
        .target(name: "CMantaJSON", linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "CMantaProcesses"),
        .target(name: "CONNXRuntime"),
        .target(name: "CSimulation"),

        part("MantaThreads"),
        part("MantaProcesses", ["CMantaProcesses", "MantaThreads"]),
        part("MantaTime"),
        part("MantaCore"),
        part("MantaTelemetry", ["MantaTime", logging, metrics]),
        .target(
            name: "MantaWire", dependencies: [protobuf], exclude: ["Protos"],
            swiftSettings: generatedSettings),
        part("MantaSharedMemory", ["MantaCore"]),
        part("MantaAutoscaler", ["MantaTime"]),
        part("MantaStore", ["MantaCore", "MantaThreads", "MantaTime", crypto, grdb]),
        part("MantaEtcd", ["MantaStore", "MantaTime", httpClient, nioCore, nioHTTP, nioPosix, nioSSL]),

        part("MantaRuntime", ["MantaThreads", "MantaTime", crypto, heap]),
        part(
            "MantaHTTP",
            [
                "MantaCore", "MantaThreads", "MantaTime", "CMicroHTTPD", "CMantaHTTP", "CZlib", crypto, logging,
                lifecycle, metrics,
            ]),
        part("MantaProtocol", ["MantaCore", "MantaSharedMemory", "CMantaJSON"]),
        part("MantaONNX", ["MantaCore", "MantaTime", "MantaWire", "CMantaMemory", "CONNXRuntime", protobuf]),
        part("MantaRemote", ["MantaCore", "MantaTime", httpClient, nioCore, nioFoundation, nioHTTP, nioPosix]),

        part("MantaBatching", ["MantaCore", "MantaTime", deque]),
        part(
            "MantaServing",
            [
                "MantaCore", "MantaThreads", "MantaTime", "MantaRuntime", "MantaBatching", "MantaAutoscaler",
                "MantaTelemetry", logging,
                lifecycle,
                metrics,
            ]),
        part(
            "MantaConfig",
            [
                "MantaCore", "MantaWire", "MantaAutoscaler", "MantaRuntime", "MantaServing", "MantaHTTP", logging,
                protobuf, yams,
            ]),
        part(
            "MantaController",
            [
                "MantaCore", "MantaThreads", "MantaTime", "MantaStore", "MantaAutoscaler", "MantaServing",
                "MantaConfig",
                "MantaTelemetry", logging,
                lifecycle,
            ]),
        part(
            "MantaGateway",
            [
                "MantaCore", "MantaThreads", "MantaTime", "MantaWire", "MantaSharedMemory", "MantaServing",
                "MantaProtocol",
                "MantaHTTP", "MantaTelemetry", "MantaConfig", "MantaController", logging, protobuf,
            ]),
        part(
            "MantaGRPC",
            [
                "MantaCore", "MantaWire", "MantaSharedMemory", "MantaServing", "MantaProtocol",
                "MantaHTTP", "MantaThreads", "MantaTime", "MantaConfig", "MantaGateway", "CMantaHTTP", "CNGHTTP2",
                logging, lifecycle, metrics, protobuf, deque,
            ]),
        part(
            "MantaFleet",
            [
                "MantaCore", "MantaThreads", "MantaTime", "MantaProcesses", "MantaStore", "MantaRuntime",
                "MantaServing",
                "MantaConfig", "MantaHTTP", "MantaAutoscaler", httpClient, nioCore, nioFoundation, nioHTTP, nioPosix,
                nioSSL, crypto,
                logging,
            ]),
        part(
            "MantaAdmin",
            [
                "MantaCore", "MantaHTTP", "MantaTime", "MantaTelemetry", "MantaBatching", "MantaAutoscaler",
                "MantaServing",
                "MantaConfig", "MantaController", "MantaGateway", "MantaFleet", asyncAlgorithms,
            ],
            resources: [.embedInCode("Console/Page")]),
        part(
            "MantaServer",
            [
                "MantaCore", "MantaTelemetry", "MantaHTTP", "MantaONNX", "MantaRemote", "MantaBatching", "MantaServing",
                "MantaConfig", "MantaStore", "MantaEtcd", "MantaController", "MantaSharedMemory", "MantaGateway",
                "MantaGRPC", "MantaAdmin", "MantaFleet", "MantaRuntime", "MantaTime", logging, lifecycle, signals,
                metrics,
            ]),
        part(
            "MantaClient",
            ["MantaThreads", "MantaTime", "MantaConfig", httpClient, nioCore, nioPosix, nioHTTP, nioSSL, yams]),
        .executableTarget(
            name: "manta",
            dependencies: [
                "MantaServer", "MantaStore", "MantaClient", "MantaConfig", "MantaCore", "MantaGRPC", "MantaHTTP",
                "MantaServing", "MantaTelemetry", arguments, logging, signals,
            ],
            swiftSettings: settings,
            // In place of the C library's allocator: what one thread reads another answers and frees, and the C library
            // makes such threads wait for each other, more or less so by the chance of which of them share an arena.
            linkerSettings: [.linkedLibrary("mimalloc")]),

        // The fleet's decisions in a world that isn't real.
        part(
            "MantaSimulation",
            [
                "CSimulation", "MantaCore", "MantaTime", "MantaStore", "MantaRuntime", "MantaAutoscaler",
                "MantaServing", "MantaConfig", "MantaFleet", deque, heap, logging,
            ]),
        .executableTarget(
            name: "manta-sim", dependencies: ["MantaSimulation", arguments], swiftSettings: settings),

        part("MantaTestKit", ["MantaCore", "MantaThreads", "MantaTime"]),
        part("MantaStoreTestKit", ["MantaProcesses", "MantaEtcd", "MantaStore", "MantaTestKit"]),
        part(
            "MantaGatewayTestKit",
            [
                "MantaServing", "MantaSharedMemory", "MantaController", "MantaStore", "MantaTelemetry", "MantaGateway",
                logging,
            ]),
        tests("MantaProcesses"),
        tests("MantaCore"),
        tests("MantaTelemetry", ["MantaProcesses", logging, metrics]),
        tests("MantaAutoscaler"),
        // A process that the tests of the store start and kill.
        .executableTarget(
            name: "store-writer", dependencies: ["MantaEtcd", "MantaStore"], path: "Tests/StoreWriter",
            swiftSettings: settings),
        tests(
            "MantaStore", ["MantaProcesses", "MantaThreads", "MantaEtcd", "MantaStoreTestKit", "store-writer", grdb]),
        // A process that the tests of objects start and kill.
        .executableTarget(
            name: "object-writer", dependencies: ["MantaRuntime"], path: "Tests/ObjectWriter", swiftSettings: settings),
        tests("MantaRuntime", ["MantaProcesses", "object-writer"]),
        tests(
            "MantaFleet",
            [
                "MantaAutoscaler", "MantaConfig", "MantaCore", "MantaHTTP", "MantaProcesses", "MantaRuntime",
                "MantaServing", "MantaStore", logging,
            ]),
        tests("MantaWire", [protobuf]),
        tests("MantaSharedMemory", ["MantaCore"]),
        tests("MantaHTTP", ["MantaProcesses", logging]),
        tests("MantaProtocol", ["MantaCore", "MantaSharedMemory"]),
        tests("MantaRemote", ["MantaCore", "MantaHTTP", logging]),
        tests("MantaONNX", ["MantaCore", "MantaWire", protobuf], exclude: ["Fixtures"]),
        tests("MantaBatching", ["MantaCore"]),
        tests("MantaServing", ["MantaCore", "MantaBatching", "MantaAutoscaler", "MantaTelemetry", logging, metrics]),
        tests("MantaConfig", ["MantaCore", "MantaAutoscaler", "MantaRuntime", "MantaServing", "MantaHTTP", logging]),
        tests(
            "MantaAdmin",
            [
                "MantaController", "MantaGateway", "MantaGatewayTestKit", "MantaHTTP", "MantaProcesses", "MantaServing",
                "MantaStore", "MantaTelemetry", logging,
            ]),
        tests("MantaController", ["MantaCore", "MantaServing"]),
        tests("MantaServer"),
        tests(
            "MantaGateway",
            [
                "MantaCore", "MantaConfig", "MantaServing", "MantaHTTP", "MantaSharedMemory", "MantaTelemetry",
                "MantaWire", "MantaGatewayTestKit", logging,
            ]),
        tests(
            "MantaGRPC",
            [
                "MantaCore", "MantaConfig", "MantaServing", "MantaHTTP", "MantaGateway", "MantaSharedMemory",
                "MantaProcesses", "MantaWire", "MantaGatewayTestKit", logging, lifecycle, grpcCore, grpcProtobuf,
                grpcTransport, protobuf, "CNGHTTP2",
            ]),
        tests(
            "MantaClient",
            [
                "MantaCore", "MantaProcesses", "MantaServing", "MantaGateway", "MantaGatewayTestKit", "MantaHTTP",
                logging,
            ]),
        .testTarget(
            name: "MantaSystemTests", dependencies: ["MantaProcesses", "MantaTestKit", "MantaStoreTestKit", crypto],
            exclude: ["Clients"], swiftSettings: settings),
    ]
)

// The fuzz targets, which only Fuzz/run builds, with the sanitizers that they need.
if Context.environment["MANTA_FUZZ"] != nil {
    func kit(_ name: String, _ folder: String, _ dependencies: [Target.Dependency]) -> Target {
        .target(name: name, dependencies: dependencies, path: "Fuzz/\(folder)", swiftSettings: settings)
    }
    func fuzzer(_ name: String, _ folder: String, _ dependencies: [Target.Dependency]) -> Target {
        .executableTarget(
            name: name, dependencies: ["FuzzKit"] + dependencies, path: "Fuzz/\(folder)", swiftSettings: settings)
    }
    package.targets += [
        kit("FuzzKit", "Kit", ["MantaCore", "MantaProtocol"]),
        kit("FuzzConfigKit", "ConfigKit", ["FuzzKit", "MantaConfig", "MantaServing"]),
        fuzzer("fuzz-json", "JSON", ["MantaCore", "MantaProtocol"]),
        fuzzer("fuzz-binary", "Binary", ["MantaCore", "MantaProtocol"]),
        fuzzer(
            "fuzz-http", "HTTP",
            ["MantaCore", "MantaHTTP", "MantaServing", "MantaGateway", "MantaGatewayTestKit", logging]),
        fuzzer("fuzz-config", "Config", ["FuzzConfigKit", "MantaConfig", "MantaServing"]),
        fuzzer("fuzz-yaml", "YAML", ["FuzzConfigKit", "MantaConfig", "MantaServing"]),
    ]
}

// The operations that Benchmarks/micro counts the instructions of, which builds them.
if Context.environment["MANTA_BENCHMARKS"] != nil {
    package.targets += [
        .target(name: "Allocations", path: "Benchmarks/Micro/Allocations"),
        .executableTarget(
            name: "manta-microbenchmarks",
            dependencies: [
                "Allocations", "MantaCore", "MantaTime", "MantaProtocol", "MantaBatching", "MantaServing", "MantaHTTP",
            ],
            path: "Benchmarks/Micro/Operations", swiftSettings: settings),
    ]
}
