/// Reads the lists of CrisisMMD (F. Alam, F. Ofli, M. Imran, "CrisisMMD: multimodal Twitter datasets from natural
/// disasters", ICWSM 2018) as the FedMultimodal benchmark takes them.
///
/// Two layouts are read. The publisher's, version 2.0, is the one that the benchmark reads:
/// `crisismmd_datasplit_all/task_humanitarian_text_img_{train,dev,test}.tsv`, where the class of a post is its
/// `label_image`. In the other the lists of the informativeness task (`fold2/task_informative_text_img_….tsv`) say which
/// split a post is in, and the events' annotations (`fold1/EVENT_final_data.tsv`) what its picture shows; a post whose
/// picture has no annotation is left out.
///
/// Addresses are taken out of the words, which become ``HashedText``; the pictures' features come from
/// ``PrecomputedFeatures`` where there is such a file, otherwise every example has a picture of length 0.
public struct CrisisMMDReader: Sendable {
    /// The events that have a file of annotations.
    public static let events = [
        "california_wildfires", "hurricane_harvey", "hurricane_irma", "hurricane_maria", "iraq_iran_earthquake",
        "mexico_earthquake", "srilanka_floods",
    ]

    /// Where classes and splits stand.
    enum Layout: Sendable {
        /// In one list a split.
        case published
        /// `fold1` with the annotations and `fold2` with the splits.
        case folds
    }

    /// The folder that holds the lists, or `fold1` and `fold2`; `features` may lie in it.
    public let root: String
    let layout: Layout

    /// Finds the lists.
    ///
    /// - Parameter path: the folder that holds the lists, or `fold1` and `fold2`, or one above it.
    /// - Throws: `DatasetError` with code `missing`.
    public init(path: String) throws(DatasetError) {
        func places(_ inside: [String]) -> [String] {
            inside + inside.map { $0.isEmpty ? "crisismmd" : "crisismmd/\($0)" }
        }
        let split = "crisismmd_datasplit_all"
        let published = places(["", split, "CrisisMMD_v2.0/\(split)", "\(split)/\(split)"])
        let file = Self.publishedList("train")
        if let found = published.map({ $0.isEmpty ? path : "\(path)/\($0)" }).first(where: {
            BoundedFile.exists("\($0)/\(file)")
        }) {
            (root, layout) = (found, .published)
            return
        }
        layout = .folds
        do {
            root = try BenchmarkDataset.crisisMMD.folder(
                at: path, holding: "fold2/task_informative_text_img_train.tsv",
                within: places(["", "dataset", "multimodal_deep_learning/dataset"]))
        } catch {
            throw DatasetError(error.code, "\(error.message); nor '\(file)' of the publisher's \(split)")
        }
    }

    private static func publishedList(_ split: String) -> String { "task_humanitarian_text_img_\(split).tsv" }

    /// Reads all three splits.
    ///
    /// - Parameter isFaithful: whether test post i has the words of dev post i, as the benchmark's code has it, and not
    ///   its own.
    /// - Throws: `DatasetError` naming the file and line.
    public func read(isFaithful: Bool = false) throws(DatasetError) -> BenchmarkContents {
        let labels = layout == .folds ? try annotations() : [:]
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
        let file = layout == .published ? Self.publishedList(split) : "fold2/task_informative_text_img_\(split).tsv"
        let table = try DelimitedText(contentsOf: "\(root)/\(file)", separator: "\t", isQuoted: false)
        let label = layout == .published ? try table.column("label_image") : nil
        let picture = try table.column("image_id")
        let text = try table.column("tweet_text")
        var rows = Array(table.rows.enumerated())
        // The benchmark deals training rows in the order of their pictures' names, and leaves the other lists as they are.
        if split == "train" { rows.sort { BenchmarkRules.precedes($0.element[picture], $1.element[picture]) } }
        var posts: [Post] = []
        for (record, row) in rows {
            var number = labels[row[picture]]
            if let label {
                number = BenchmarkDataset.crisisMMD.classes.firstIndex(of: row[label])
                guard number != nil else {
                    throw table.refusal(row, label, expected: "one of the eight humanitarian classes")
                }
            }
            guard let number else { continue }
            posts.append(
                Post(record: record, tokens: HashedText.tokens(Self.withoutAddresses(row[text])), label: number))
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
