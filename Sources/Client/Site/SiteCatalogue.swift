import Datasets
import Foundation
public import Wire

/// The data sets that a site offers, as their manifests say. No data is read.
public struct SiteCatalogue: Sendable {
    /// One site folder.
    public struct Entry: Sendable {
        /// Its absolute path, for the trainer.
        public var path: String
        /// What the coordinator is told.
        public var card: DatasetCard
        /// The absolute paths of the files that hold the examples.
        var files: [String]

        /// Files that the manifest names and that are not there.
        public var missingFiles: [String] {
            files.filter { !FileManager.default.isReadableFile(atPath: $0) }
        }
    }

    /// The entries, in the order of the configuration.
    public let entries: [Entry]

    /// Reads the manifests.
    ///
    /// - Parameter folders: the site folders.
    /// - Throws: `DatasetError` naming the file at fault, or ``ClientError`` (`site`) when two folders hold data sets of
    ///   one name.
    public init(folders: [String]) throws {
        var entries: [Entry] = []
        for folder in folders {
            let path = URL(fileURLWithPath: folder).standardizedFileURL.path
            let manifest = try SiteManifest.load(folder: path)
            if let other = entries.first(where: { $0.card.name == manifest.dataset }) {
                throw ClientError(
                    .site,
                    "\(path) and \(other.path) both hold the data set \"\(manifest.dataset)\": keep one of them in `data`"
                )
            }
            entries.append(
                Entry(
                    path: path,
                    card: DatasetCard(
                        name: manifest.dataset, examples: manifest.counts,
                        modalities: manifest.modalities.map(\.name), classes: manifest.classes.count),
                    files: manifest.splits.values.flatMap { $0 }.map { "\(path)/\($0.file)" }.sorted()))
        }
        self.entries = entries
    }

    /// The entry of a data set, nil when the site does not have it.
    public func entry(_ dataset: String) -> Entry? {
        entries.first { $0.card.name == dataset }
    }
}
