import ArgumentParser
import Foundation

/// The programs of this package, beside this one.
enum OwnPrograms {
    /// What a federation on this machine needs.
    static let names = ["tributary-coordinator", "tributary-client", "tributary-lab"]

    /// The folder of this program, which holds the others.
    ///
    /// - Throws: a sentence that names what is missing.
    static func folder() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let folder = URL(fileURLWithPath: own).deletingLastPathComponent().path
        let missing = names.filter { !FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)") }
        guard missing.isEmpty else {
            throw ValidationError(
                "\(missing.joined(separator: ", ")): not in \(folder), beside this program: swift build -c release")
        }
        return folder
    }
}
