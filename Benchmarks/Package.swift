// swift-tools-version: 6.2
import PackageDescription

// Micro-benchmarks of the kernels, in a package of their own so that users of Tributary do not resolve what only these
// need. Run: swift package --package-path Benchmarks benchmark
let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "tributary", path: ".."),
        // Without its traits, which want interposers of malloc and of the Swift runtime.
        .package(url: "https://github.com/ordo-one/benchmark.git", exact: "1.38.1", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "Kernels",
            dependencies: [
                .product(name: "Aggregation", package: "tributary"),
                .product(name: "Benchmark", package: "benchmark"),
                .product(name: "Datasets", package: "tributary"),
                .product(name: "Randomness", package: "tributary"),
                .product(name: "Weights", package: "tributary"),
            ],
            path: "Kernels",
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")],
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
        )
    ]
)
