internal import Foundation

/// The permission bits of a file.
enum FileMode {
    /// Nil when the file cannot be looked at.
    static func of(_ path: String) -> UInt32? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.posixPermissions] as? NSNumber)?.uint32Value
    }
}
