import Foundation
import Testing

/// The check of Deploy/checks on the object that this very build linked.
@Suite struct ShimSymbolsTests {
    @Test func theShimDrawsNoRandomNumbers() throws {
        let root = URL(filePath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let built = Bundle.module.bundleURL.deletingLastPathComponent().appending(path: "CTorch.build")
        let objects = try FileManager.default.contentsOfDirectory(atPath: built.path).filter { $0.hasSuffix(".o") }
        #expect(objects.count >= 5)

        let check = Process()
        check.executableURL = root.appending(path: "Deploy/checks/no-torch-random")
        check.arguments = objects.map { built.appending(path: $0).path }
        let messages = Pipe()
        check.standardError = messages
        try check.run()
        let text = try messages.fileHandleForReading.readToEnd() ?? Data()
        check.waitUntilExit()
        #expect(check.terminationStatus == 0, "\(String(decoding: text, as: UTF8.self))")
    }
}
