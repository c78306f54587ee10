import Foundation

/// The shipped executables, built beside the tests.
enum Executables {
    static let folder: URL = {
        // The test runner's own bundle lies in the build's products folder.
        var url = Bundle.main.bundleURL
        for candidate in [url, url.deletingLastPathComponent()]
            + ProcessInfo.processInfo.arguments.map({
                URL(fileURLWithPath: $0).deletingLastPathComponent()
            }) where FileManager.default.isExecutableFile(atPath: candidate.appendingPathComponent("tributary").path)
        {
            url = candidate
            break
        }
        return url
    }()

    static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// The environment of every process of a test: the executables come first in PATH.
    static func environment(_ extra: [String: String] = [:]) -> [String: String] {
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRIBUTARY_") }
        environment["PATH"] = folder.path + ":" + (environment["PATH"] ?? "/usr/bin:/bin")
        environment["OPENBLAS_NUM_THREADS"] = "1"
        return environment.merging(extra) { $1 }
    }

    /// The repository, from this file's own place in it.
    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
}
