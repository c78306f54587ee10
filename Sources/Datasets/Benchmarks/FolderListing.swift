import Foundation

/// The names in folders, in an order that does not depend on the file system.
enum FolderListing {
    /// The most names a folder may hold.
    static let maximumNames = 2_000_000

    /// The names in a folder that end with `suffix`, in the order of their UTF-8 bytes; hidden ones are left out.
    ///
    /// - Throws: `DatasetError` with code `missing`, `inputOutput` or `tooLarge`.
    static func names(in folder: String, endingWith suffix: String = "") throws(DatasetError) -> [String] {
        guard BoundedFile.folderExists(folder) else {
            throw DatasetError(.missing, "\(folder): no such folder")
        }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw DatasetError(.inputOutput, "\(folder): cannot be listed", cause: error)
        }
        guard names.count <= maximumNames else {
            throw DatasetError(.tooLarge, "\(folder): \(names.count) names, at most \(maximumNames) are read")
        }
        return names.filter { $0.hasSuffix(suffix) && !$0.hasPrefix(".") }.sorted(by: BenchmarkRules.precedes)
    }
}
