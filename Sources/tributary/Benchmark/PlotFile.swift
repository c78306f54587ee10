import ArgumentParser
import Foundation

/// Where a benchmark draws its curves.
enum PlotFile {
    /// Checks, before what takes long, that the file can be written.
    static func check(_ path: String?) throws {
        guard let path else { return }
        let folder = (path as NSString).deletingLastPathComponent
        var isFolder: ObjCBool = false
        guard
            FileManager.default.fileExists(atPath: folder.isEmpty ? "." : folder, isDirectory: &isFolder),
            isFolder.boolValue
        else { throw ValidationError("--plot: found \(path), whose folder does not exist") }
        guard access(folder.isEmpty ? "." : folder, W_OK) == 0 else {
            throw ValidationError("--plot: found \(path), whose folder cannot be written")
        }
    }

    /// Writes the curves.
    static func write(_ svg: String, to path: String) throws {
        do {
            try (svg + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw ValidationError("--plot: \(path) cannot be written (\(error.localizedDescription))")
        }
    }
}
