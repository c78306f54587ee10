import Datasets
import Foundation
import TestSupport
import Testing

/// Runs the Python example of `SiteFolder`'s documentation as it stands there.
@Suite struct PythonExampleTests {
    private static func python(_ script: String, in folder: String) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    private static func has(_ module: String) -> Bool {
        (try? python("import \(module)", in: FileManager.default.temporaryDirectory.path)) == 0
    }

    private static func example() throws -> String {
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Sources/Datasets/SiteFolder.swift")
        let text = try String(contentsOf: source, encoding: .utf8)
        let block = try #require(text.firstMatch(of: #/```python\n((?:.*\n)*?)\/\/\/ ```/#)).1
        return block.split(separator: "\n").map { $0.replacing(#/^\/\/\/ ?/#, with: "") }.joined(separator: "\n")
    }

    private func check(_ script: String) throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.file("site"), withIntermediateDirectories: true)
        #expect(try Self.python(script, in: folder.path) == 0)
        let site = try SiteFolder(path: folder.file("site"))
        try site.verify()
        #expect(try site.read(split: "train").count == 412)
        #expect(site.manifest.classes.count == 6)
    }

    @Test(.enabled(if: has("numpy") && has("safetensors"), "Python with numpy and safetensors is not here"))
    func safetensorsExample() throws {
        try check(Self.example())
    }

    @Test(.enabled(if: has("numpy"), "Python with numpy is not here"))
    func numpyAlone() throws {
        let lines = try Self.example().split(separator: "\n").filter { !$0.contains("safetensors.numpy") }
        let script = lines.joined(separator: "\n")
            .replacing(#/save_file\(.*\)/#, with: "np.savez('site/train-0.npz', acc=acc, gyro=gyro, labels=labels)")
            .replacing("train-0.safetensors", with: "train-0.npz")
        try check(script)
    }
}
