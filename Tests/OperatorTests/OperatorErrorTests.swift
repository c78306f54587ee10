import Foundation
import Testing

@testable import Operator

@Suite struct OperatorErrorTests {
    @Test("A full disk is named with the file, in the system's words and no others")
    func fullDisk() throws {
        // A device that takes nothing, as a full disk does.
        let file = try #require(FileHandle(forWritingAtPath: "/dev/full"))
        do {
            try file.write(contentsOf: Data([1, 2, 3]))
            Issue.record("it was written")
        } catch {
            let found = OperatorError(writing: "model/weights.safetensors.part", error)
            #expect(found.message == "model/weights.safetensors.part: cannot be written: No space left on device")
            #expect(found.code == .file)
        }
    }

    @Test("So is a folder that cannot be made")
    func noFolder() {
        do {
            try FileManager.default.createDirectory(atPath: "/dev/null/model", withIntermediateDirectories: true)
            Issue.record("it was made")
        } catch {
            let message = OperatorError(writing: "/dev/null/model", error).message
            #expect(message == "/dev/null/model: cannot be written: Not a directory")
        }
    }
}
