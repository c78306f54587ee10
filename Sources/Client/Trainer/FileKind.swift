import Foundation

/// What lies at a path.
enum FileKind {
    /// Whether there is a regular file; a symbolic link to one does not count.
    static func isRegularFile(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return attributes?[.type] as? FileAttributeType == .typeRegular
    }

    /// Whether there is a file that this user may run.
    static func isProgram(_ path: String) -> Bool {
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        return isRegularFile(target) && FileManager.default.isExecutableFile(atPath: target)
    }
}
