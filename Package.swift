// swift-tools-version: 6.2
import PackageDescription

// Another LibTorch than Debian's: TORCH_ROOT names a folder holding `include` and `lib`
// (the `torch` folder of a PyTorch wheel serves).
let torchRoot: String? = Context.environment["TORCH_ROOT"].flatMap { $0.isEmpty ? nil : $0 }

let torchHeaders: [CXXSetting] =
    if let torchRoot {
        [
            .define("TRIBUTARY_TORCH_ROOT"),
            .unsafeFlags([
                "-isystem", "\(torchRoot)/include",
                "-isystem", "\(torchRoot)/include/torch/csrc/api/include",
            ]),
        ]
    } else {
        [.unsafeFlags(["-isystem", "/usr/include/torch/csrc/api/include"])]
    }

let torchLibraries: [LinkerSetting] =
    if let torchRoot {
        // By path: a system library's -L may come before ours and would find Debian's LibTorch.
        [
            .unsafeFlags(
                ["torch", "torch_cpu", "c10"].flatMap { ["-Xlinker", "\(torchRoot)/lib/lib\($0).so"] }
                    + ["-Xlinker", "-rpath", "-Xlinker", "\(torchRoot)/lib"]
            ),
            .linkedLibrary("dl"),
        ]
    } else {
        [.linkedLibrary("torch"), .linkedLibrary("torch_cpu"), .linkedLibrary("c10"), .linkedLibrary("dl")]
    }

// CI sets TRIBUTARY_STRICT=1: every warning in our own targets is an error there.
let isStrict = Context.environment["TRIBUTARY_STRICT"] == "1"

let strict: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableUpcomingFeature("InferIsolatedConformances"),
    ] + (isStrict ? [.treatAllWarnings(as: .error)] : [])

/// Generated code follows the language mode only.
let generated: [SwiftSetting] = [.swiftLanguageMode(.v6)]

extension Target.Dependency {
    static let arguments = Self.product(name: "ArgumentParser", package: "swift-argument-parser")
    static let asn1 = Self.product(name: "SwiftASN1", package: "swift-asn1")
    static let crypto = Self.product(name: "Crypto", package: "swift-crypto")
    static let grdb = Self.product(name: "GRDB", package: "GRDB.swift")
    static let grpc = Self.product(name: "GRPCCore", package: "grpc-swift-2")
    static let grpcInProcess = Self.product(name: "GRPCInProcessTransport", package: "grpc-swift-2")
    static let grpcProtobuf = Self.product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
    static let grpcTransport = Self.product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport")
    static let lifecycle = Self.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    static let log = Self.product(name: "Logging", package: "swift-log")
    static let nio = Self.product(name: "NIOCore", package: "swift-nio")
    static let nioEmbedded = Self.product(name: "NIOEmbedded", package: "swift-nio")
    static let nioHPACK = Self.product(name: "NIOHPACK", package: "swift-nio-http2")
    static let nioHTTP2 = Self.product(name: "NIOHTTP2", package: "swift-nio-http2")
    static let nioPosix = Self.product(name: "NIOPosix", package: "swift-nio")
    static let nioSSL = Self.product(name: "NIOSSL", package: "swift-nio-ssl")
    static let protobuf = Self.product(name: "SwiftProtobuf", package: "swift-protobuf")
    static let signals = Self.product(name: "UnixSignals", package: "swift-service-lifecycle")
    static let x509 = Self.product(name: "X509", package: "swift-certificates")
    static let yams = Self.product(name: "Yams", package: "Yams")
}

func module(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: strict)
}

func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
    name: "tributary",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "tributary", targets: ["tributary"]),
        .executable(name: "tributary-client", targets: ["tributary-client"]),
        .executable(name: "tributary-coordinator", targets: ["tributary-coordinator"]),
        .executable(name: "tributary-lab", targets: ["tributary-lab"]),
        // For the micro-benchmarks in Benchmarks/.
        .library(name: "Aggregation", targets: ["Aggregation"]),
        .library(name: "Datasets", targets: ["Datasets"]),
        .library(name: "Randomness", targets: ["Randomness"]),
        .library(name: "Weights", targets: ["Weights"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1.git", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates.git", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto.git", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", exact: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf.git", exact: "1.39.0", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift.git", exact: "7.10.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2.git", exact: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", exact: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", exact: "2.4.1"),
        .package(url: "https://github.com/jpsim/Yams.git", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", exact: "2.13.0"),
    ],
    targets: [
        // Leaves.
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CMalloc"),
        module("Randomness", []),
        // The inner loops of aggregation and of masks in plain C, optimised in debug builds as well. Nothing is contracted into fused
        // operations by itself: every instruction set gives the same bits.
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off"])]),
        module("Measurement", ["CKernels", .crypto]),
        module("Durability", ["CLinux"]),
        module("Configuration", [.yams]),
        module("Weights", ["CZlib", .crypto]),
        .target(
            name: "Privacy", dependencies: ["CKernels", "Durability", "Weights", .crypto],
            // Optimised in debug builds as well: accountants transform and samplers draw millions of numbers.
            swiftSettings: strict + [.unsafeFlags(["-O"])]
        ),

        // Jobs, rounds and aggregation: pure, no transport.
        module("Jobs", ["Configuration", "Randomness", "Weights"]),
        module("Aggregation", ["CKernels", "Weights"]),
        module("Federation", ["Aggregation", "Jobs", "Privacy", "Randomness", "Weights"]),

        // Numerics: only `tributary-lab` links LibTorch.
        .target(
            name: "CTorch",
            // Optimised in debug builds as well: its kernels do the arithmetic of every test that trains.
            cxxSettings: torchHeaders + [.unsafeFlags(["-O2"])],
            linkerSettings: torchLibraries
        ),
        module("Tensors", ["CTorch", "Randomness", "Weights"]),
        module("Layers", ["Randomness", "Tensors", "Weights"]),
        module("Datasets", ["CZlib", "Jobs", "Randomness", "Weights", .crypto]),
        module("ModelZoo", ["Datasets", "Layers", "Randomness", "Tensors", "Weights"]),
        module(
            "Training",
            [
                "Configuration", "Datasets", "Durability", "Jobs", "Layers", "ModelZoo", "Privacy", "Randomness",
                "Tensors",
                "Weights",
            ]),

        module(
            "Simulation",
            [
                "Aggregation", "Datasets", "Durability", "Federation", "Jobs", "Layers", "Measurement", "ModelZoo",
                "Privacy", "Randomness", "Tensors", "Training", "Weights", .crypto,
            ]
        ),

        // The wire, who may speak on it, and the two daemons.
        .target(
            name: "WireMessages",
            dependencies: [.grpc, .grpcProtobuf, .protobuf],
            swiftSettings: generated
        ),
        module(
            "Wire",
            [
                "CMalloc", "Jobs", "Privacy", "Weights", "WireMessages", .grpc, .grpcTransport, .nio, .nioHPACK,
                .nioHTTP2, .nioSSL, .protobuf,
            ]),
        module(
            "Identity",
            ["Configuration", "Durability", .asn1, .crypto, .grpc, .grpcTransport, .log, .nio, .nioSSL, .x509]
        ),
        module(
            "Coordinator",
            [
                "Aggregation", "Configuration", "Durability", "Federation", "Identity", "Jobs", "Privacy", "Randomness",
                "Weights", "Wire", "WireMessages", .crypto, .grdb, .grpc, .grpcProtobuf, .grpcTransport, .lifecycle,
                .log, .nio,
                .nioPosix, .protobuf, .x509,
            ]
        ),
        module(
            "Client",
            [
                "Configuration", "Datasets", "Durability", "Identity", "Jobs", "Privacy", "Weights", "Wire",
                "WireMessages", .crypto, .grpc,
                .grpcProtobuf, .grpcTransport, .lifecycle, .log, .nio, .nioPosix, .protobuf, .x509,
            ]
        ),
        module(
            "Operator",
            [
                "Configuration", "Durability", "Identity", "Jobs", "Weights", "Wire", "WireMessages", .crypto, .grpc,
                .grpcTransport, .log, .protobuf,
            ]
        ),

        // Whole federations for measurements.
        module(
            "LoadTest",
            [
                "Client", "Configuration", "Datasets", "Durability", "Identity", "Jobs", "Measurement", "Operator",
                "Weights", "Wire", "WireMessages", .crypto, .grpc, .grpcTransport, .log,
            ]
        ),

        // Thin executables.
        executable(
            "tributary",
            [
                "Aggregation", "Client", "Configuration", "Datasets", "Federation", "Identity", "Jobs", "LoadTest",
                "Measurement", "Operator", "Privacy", "Randomness", "Weights", "Wire", .arguments, .log,
            ]
        ),
        executable(
            "tributary-coordinator",
            [
                "Configuration", "Coordinator", "Durability", "Identity", "Jobs", "Wire", .arguments, .lifecycle, .log,
                .signals,
            ]
        ),
        executable(
            "tributary-client",
            ["Client", "Configuration", "Identity", "Jobs", "Wire", .arguments, .lifecycle, .log, .signals]
        ),
        executable(
            "tributary-lab",
            [
                "Configuration", "Datasets", "Jobs", "Layers", "Measurement", "ModelZoo", "Randomness", "Simulation",
                "Tensors", "Training", "Weights",
                .arguments,
            ]
        ),

        // Fakes and fixtures shared by the tests.
        .target(
            name: "TestSupport", dependencies: ["Durability", "Weights"], path: "Tests/Support", swiftSettings: strict),
        tests("RandomnessTests", ["Randomness"], exclude: ["Golden"]),
        tests("MeasurementTests", ["Measurement", "TestSupport"]),
        tests("DurabilityTests", ["Durability", "TestSupport"]),
        tests("ConfigurationTests", ["Configuration"]),
        tests("PrivacyTests", ["Privacy", "Weights", .crypto], resources: [.copy("Golden")]),
        tests("WeightsTests", ["Weights", "CZlib", "TestSupport"], resources: [.copy("Golden")]),
        tests("JobsTests", ["Jobs", "Configuration", "Weights"], resources: [.copy("Golden")]),
        tests("AggregationTests", ["Aggregation", "Weights", "TestSupport"], resources: [.copy("Golden")]),
        tests("FederationTests", ["Federation", "Aggregation", "Jobs", "Privacy", "Randomness", "Weights"]),
        tests("TensorsTests", ["Tensors", "Randomness", "Weights", "TestSupport"], resources: [.copy("Golden")]),
        tests(
            "LayersTests", ["Layers", "Tensors", "Randomness", "Weights", "TestSupport"], resources: [.copy("Golden")]),
        tests(
            "DatasetsTests", ["Datasets", "Jobs", "Randomness", "Weights", "TestSupport"], resources: [.copy("Golden")]),
        tests(
            "ModelZooTests",
            ["ModelZoo", "Datasets", "Layers", "Randomness", "Tensors", "Weights", "TestSupport"],
            resources: [.copy("Golden")]
        ),
        tests(
            "SimulationTests",
            [
                "Simulation", "Aggregation", "Datasets", "Federation", "Jobs", "Randomness", "TestSupport", "Training",
                "Weights",
            ]
        ),
        tests(
            "TrainingTests",
            [
                "Training", "ModelZoo", "Datasets", "Durability", "Jobs", "Layers", "Privacy", "Randomness", "Tensors",
                "Weights", "TestSupport",
            ],
            resources: [.copy("Golden")]
        ),
        tests(
            "IdentityTests",
            [
                "Identity", "Configuration", "Durability", "TestSupport", .asn1, .crypto, .grpc, .grpcTransport, .log,
                .nio,
                .nioSSL, .x509,
            ]
        ),
        tests(
            "WireTests",
            [
                "Wire", "WireMessages", "Jobs", "Privacy", "Weights", .grpc, .grpcTransport, .nio, .nioEmbedded,
                .nioHPACK, .nioHTTP2, .nioPosix, .protobuf,
            ]),
        tests("OperatorTests", ["Operator", "WireMessages", .grpc, .grpcInProcess, .grpcProtobuf, .protobuf]),
        tests(
            "CoordinatorTests",
            [
                "Coordinator", "Aggregation", "Configuration", "Durability", "Federation", "Identity", "Jobs",
                "Privacy", "TestSupport", "Weights", "Wire", "WireMessages", .crypto, .grdb, .grpc, .grpcInProcess,
                .grpcTransport, .log, .protobuf, .x509,
            ]
        ),
        tests(
            "ClientTests",
            [
                "Client", "Configuration", "Durability", "Identity", "Jobs", "Privacy", "TestSupport", "Weights",
                "Wire", "WireMessages",
                .crypto, .grpc, .grpcInProcess, .log, .protobuf, .x509,
            ]
        ),
        tests(
            "EndToEndTests",
            [
                "Durability", "Identity", "Jobs", "TestSupport", "Weights", "Wire", "WireMessages", .grpc,
                .grpcTransport, .log,
                .protobuf, .x509,
            ],
            exclude: ["Reference"]
        ),
    ],
    cxxLanguageStandard: .cxx17
)
