/// Dealing a data set over sites so that every person's data lies at one site.
///
/// The subjects, sorted by number, are dealt like cards: the subject at position i of the sorted list goes to site
/// i mod N. No draw is involved. With UCI-HAR's 21 training subjects and 5 sites, `site-1` holds the subjects
/// 1, 8, 17, 25, 30 (positions 0, 5, 10, 15, 20).
public enum SubjectPartition {
    /// The subjects of each site.
    ///
    /// - Parameters:
    ///   - subjects: subject numbers, in any order and with repetitions.
    ///   - sites: how many sites, between 1 and the number of different subjects.
    /// - Throws: `DatasetError` with code `invalidArgument` when a site would stay empty.
    public static func deal(subjects: some Sequence<Int>, sites: Int) throws(DatasetError) -> [[Int]] {
        let sorted = Set(subjects).sorted()
        guard sites >= 1, sites <= sorted.count else {
            throw DatasetError(
                .invalidArgument,
                "\(sites) sites: expected 1 to \(sorted.count), the number of subjects, since a subject's data stays together"
            )
        }
        return (0..<sites).map { site in stride(from: site, to: sorted.count, by: sites).map { sorted[$0] } }
    }

    /// The rows of each site, in the order of the data set.
    ///
    /// - Throws: `DatasetError` when the data set has no subjects or too few for `count` sites.
    public static func sites(_ dataset: MultimodalDataset, count: Int) throws(DatasetError) -> [DatasetView] {
        guard let subjects = dataset.subjects else {
            throw DatasetError(
                .invalidArgument, "data set '\(dataset.name)' names no subjects, so it cannot be dealt by subject")
        }
        return try deal(subjects: subjects, sites: count).map { own in
            let own = Set(own)
            return DatasetView(dataset, indices: subjects.indices.filter { own.contains(subjects[$0]) })
        }
    }
}
