/// Reads the lists of CrisisMMD (F. Alam, F. Ofli, M. Imran, "CrisisMMD: multimodal Twitter datasets from natural
/// disasters", ICWSM 2018) as the FedMultimodal benchmark takes them.
///
/// The split of a post is that of the informativeness task, its class what the annotations say of the picture; a post
/// whose picture has no annotation is left out. Addresses are taken out of the words, which become ``HashedText``; the
/// pictures' features come from ``PrecomputedFeatures`` where there is such a file, otherwise every example has a
/// picture of length 0.
public struct CrisisMMDReader: Sendable {
    /// The events that have a file of annotations.
    public static let events = [
        "california_wildfires", "hurricane_harvey", "hurricane_irma", "hurricane_maria", "iraq_iran_earthquake",
        "mexico_earthquake", "srilanka_floods",
    ]

    /// The folder that holds `fold1` with the annotations and `fold2` with the splits.
    public let root: String

    /// Finds the lists.
    ///
    /// - Parameter path: the folder that holds `fold1` and `fold2`, or one above it.
    /// - Throws: `DatasetError` with code `missing`.
    public init(path: String) throws(DatasetError) {
        let inside = ["", "dataset", "multimodal_deep_learning/dataset"]
        root = try BenchmarkDataset.crisisMMD.folder(
            at: path, holding: "fold2/task_informative_text_img_train.tsv",
            within: inside + inside.map { $0.isEmpty ? "crisismmd" : "crisismmd/\($0)" })
    }

    /// Reads all three splits.
    ///
    /// - Parameter isFaithful: whether test post i has the words of dev post i, as the benchmark's code has it, and not
    ///   its own.
    /// - Throws: `DatasetError` naming the file and line.
    public func read(isFaithful: Bool = false) throws(DatasetError) -> BenchmarkContents {
        let labels = try annotations()
        var lists: [(split: String, records: Int, posts: [Post])] = []
        for split in ["train", "dev", "test"] {
            let (records, posts) = try list(split, labels: labels)
            lists.append((split, records, posts))
        }
        var notes = BenchmarkContents.hashingNote
        if isFaithful {
            // The code counts over all records of the list, and so do we.
            let words = Dictionary(uniqueKeysWithValues: lists[1].posts.map { ($0.record, $0.tokens) })
            for index in lists[2].posts.indices {
                lists[2].posts[index].tokens = words[lists[2].posts[index].record] ?? []
            }
            notes.append("faithful: the words of a test post are those of a dev post, as in the benchmark's code")
        }
        let longest = ModalityColumn.longest(of: lists.lazy.flatMap(\.posts).map(\.tokens))
        let declared = BenchmarkDataset.crisisMMD.modalities[0]
        var datasets: [String: MultimodalDataset] = [:]
        var blind: [String] = []
        for (split, records, posts) in lists {
            let file = try PrecomputedFeatures(folder: root, split: split, records: records)
            let picture = try file?.column(declared, rows: posts.map(\.record))
            if picture == nil { blind.append(split) }
            datasets[split] = try ModalityColumn.dataset(
                .crisisMMD,
                [picture ?? .absent(declared, count: posts.count), .text(posts.map(\.tokens), longest: longest)],
                labels: posts.map(\.label))
            let missing = records - posts.count
            if missing > 0 {
                notes.append(
                    "\(split): \(missing) of \(records) posts have no annotation of their picture and are left out")
            }
        }
        return try BenchmarkContents(
            .crisisMMD, datasets, notes: notes + BenchmarkContents.absenceNote(declared.name, blind, root: root))
    }

    /// One record that is kept.
    private struct Post {
        var record: Int
        var tokens: [String]
        var label: Int
    }

    /// The class of every annotated picture.
    private func annotations() throws(DatasetError) -> [String: Int] {
        var labels: [String: Int] = [:]
        for event in Self.events {
            let table = try DelimitedText(
                contentsOf: "\(root)/fold1/\(event)_final_data.tsv", separator: "\t", isQuoted: false)
            let picture = try table.column("image_id")
            let human = try table.column("image_human")
            for row in table.rows {
                guard let label = BenchmarkDataset.crisisMMD.classes.firstIndex(of: row[human]) else {
                    throw table.refusal(row, human, expected: "one of the eight humanitarian classes")
                }
                guard labels.updateValue(label, forKey: row[picture]) == nil else {
                    throw table.refusal(row, picture, expected: "a picture that no earlier line annotates")
                }
            }
        }
        return labels
    }

    private func list(_ split: String, labels: [String: Int]) throws(DatasetError) -> (records: Int, kept: [Post]) {
        let table = try DelimitedText(
            contentsOf: "\(root)/fold2/task_informative_text_img_\(split).tsv", separator: "\t", isQuoted: false)
        let picture = try table.column("image_id")
        let text = try table.column("tweet_text")
        var rows = Array(table.rows.enumerated())
        // The benchmark deals training rows in the order of their pictures' names, and leaves the other lists as they are.
        if split == "train" { rows.sort { BenchmarkRules.precedes($0.element[picture], $1.element[picture]) } }
        let posts = rows.compactMap { record, row in
            labels[row[picture]].map {
                Post(record: record, tokens: HashedText.tokens(Self.withoutAddresses(row[text])), label: $0)
            }
        }
        guard !posts.isEmpty else {
            throw DatasetError(.malformed, "\(table.path): no post has an annotated picture")
        }
        return (table.rows.count, posts)
    }

    /// A text without the words that hold an address: from `http://` or `https://` to the next white space.
    static func withoutAddresses(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).compactMap { word in
            let lower = word.lowercased()
            guard let start = ["http://", "https://"].compactMap({ lower.firstRange(of: $0)?.lowerBound }).min() else {
                return String(word)
            }
            let kept = String(lower[..<start])
            return kept.isEmpty ? nil : kept
        }.joined(separator: " ")
    }
}
