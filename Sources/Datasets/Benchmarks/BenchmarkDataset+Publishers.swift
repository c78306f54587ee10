extension BenchmarkDataset {
    /// Reads the publisher's files of the data sets whose readers know nothing of features that others extracted.
    func published(_ path: String, isFaithful: Bool, fold: Int) throws(DatasetError) -> BenchmarkContents {
        switch name {
        case Self.kuHAR.name:
            let reader = try located(path) { (path) throws(DatasetError) in
                try KUHARReader(path: path, isFaithful: isFaithful)
            }
            var benchmark = self
            benchmark.modalities = reader.modalities
            return BenchmarkContents(
                benchmark, try reader.read(fold: fold),
                notes: isFaithful ? ["faithful: windows end after 64 of 128 samples, as in the benchmark's code"] : [])
        case Self.ptbXL.name:
            let reader = try located(path) { (path) throws(DatasetError) in try PTBXLReader(path: path) }
            return BenchmarkContents(self, try reader.read())
        case Self.hatefulMemes.name:
            let reader = try located(path) { (path) throws(DatasetError) in try HatefulMemesReader(path: path) }
            return try joined(try reader.rows(), root: reader.root)
        case Self.cremaD.name:
            let reader = try located(path) { (path) throws(DatasetError) in try CREMADReader(path: path) }
            // Sound is normalised over what an actor has in a split, so `dev` is drawn before it is read.
            var benchmark = self
            benchmark.development = .given
            return try benchmark.joined(
                try reader.rows(fold: fold).holdingOutDev(), root: reader.root, sound: reader.audio)
        case Self.ucf101.name:
            let reader = try located(path) { (path) throws(DatasetError) in try UCF101Reader(path: path) }
            let lists = try reader.rows(fold: fold)
            guard lists.classes == classes else {
                let stray = Set(lists.classes).symmetricDifference(classes).sorted(by: BenchmarkRules.precedes)
                throw DatasetError(
                    .mismatch,
                    "\(reader.root)/audios: \(lists.classes.count) classes with sound, expected UCF101's \(classes.count): "
                        + "they differ in \(stray.prefix(5).joined(separator: ", "))")
            }
            return try joined(lists, root: reader.root, sound: reader.audio)
        case Self.mit10.name, Self.mit51.name:
            let reader = try located(path) { (path) throws(DatasetError) in try MomentsInTimeReader(path: path) }
            return try joined(
                try reader.rows(actions: classes.count), root: reader.root, skipsUnnamed: true, sound: reader.audio)
        case Self.mnist.name:
            let reader = try located(path) { (path) throws(DatasetError) in try MNISTReader(path: path) }
            return try BenchmarkContents(self, reader.read())
        case Self.cifar10.name:
            let reader = try located(path) { (path) throws(DatasetError) in try CIFAR10Reader(path: path) }
            return try BenchmarkContents(self, reader.read())
        default:
            throw nothing("\(path): nothing that is known of \(title) here nor in '\(name)'")
        }
    }

    /// Makes a reader of a folder, or of the one in it that has the data set's name.
    private func located<Reader>(
        _ path: String, _ reader: (_ path: String) throws(DatasetError) -> Reader
    ) throws(DatasetError) -> Reader {
        do {
            return try reader(path)
        } catch {
            guard error.code == .missing else { throw error }
            let inner = "\(path)/\(name)"
            guard BoundedFile.folderExists(inner) else { throw nothing(error.message) }
            do {
                return try reader(inner)
            } catch {
                throw error.code == .missing ? nothing(error.message) : error
            }
        }
    }

    /// Says where the data can be had.
    private func nothing(_ found: String) -> DatasetError {
        DatasetError(
            .missing,
            "\(found), and no \(SiteManifest.fileName): expected the publisher's files or a folder of \(title) features with "
                + "the splits \((["train"] + heldOutSplits).joined(separator: ", ")) (Documentation/Datasets.md). The data come "
                + "from \(origin). Generated data: \(SitePartition.Source.generatedPrefix)\(name)")
    }

    /// Puts lists and their features together. A modality comes from ``NamedFeatures``; else sound from the recordings
    /// that the rows name and words from ``HashedText``; else every example has length 0.
    ///
    /// - Parameter skipsUnnamed: whether rows that a file of features does not name are left out, and not refused.
    private func joined(
        _ lists: ListedSplits, root: String, skipsUnnamed: Bool = false,
        sound: (([ListedRow]) throws(DatasetError) -> ModalityColumn)? = nil
    ) throws(DatasetError) -> BenchmarkContents {
        var kept = lists
        var files: [String: NamedFeatures] = [:]
        var notes: [String] = []
        for split in ["train"] + lists.heldOut.keys.sorted() {
            guard let file = try NamedFeatures(folder: root, split: split) else { continue }
            files[split] = file
            let rows = split == "train" ? lists.train : lists.heldOut[split] ?? []
            let named = rows.filter { file.names($0) }
            guard skipsUnnamed, named.count < rows.count else { continue }
            notes.append(
                "\(split): \(rows.count - named.count) of \(rows.count) rows have no features and are left out")
            if split == "train" { kept.train = named } else { kept.heldOut[split] = named }
        }
        let texts = ([kept.train] + kept.heldOut.values).joined().lazy.map { HashedText.tokens($0.text ?? "") }
        let longest = ModalityColumn.longest(of: texts)
        var hashed: Set<String> = []
        var absent: [String: Set<String>] = [:]
        let splits = try kept.joined(name: name) { (split, rows) throws(DatasetError) in
            var columns: [ModalityColumn] = []
            for modality in modalities {
                if let column = try files[split]?.column(modality, of: rows) {
                    columns.append(column)
                } else if modality.name == "audio", let sound, rows.allSatisfy({ $0.file != nil }) {
                    columns.append(try sound(rows))
                } else if modality.name == "text", rows.allSatisfy({ $0.text != nil }) {
                    hashed.insert(split)
                    columns.append(.text(rows.map { HashedText.tokens($0.text ?? "") }, longest: longest))
                } else {
                    absent[modality.name, default: []].insert(split)
                    columns.append(.absent(modality, count: rows.count))
                }
            }
            return columns
        }
        let order = ["train", "dev", "test"].filter { $0 == "train" || kept.heldOut[$0] != nil }
        if !hashed.isEmpty {
            guard hashed.count == order.count else {
                throw DatasetError(
                    .mismatch,
                    "\(root)/features: 'text' is there for some splits and not for "
                        + "\(order.filter(hashed.contains).joined(separator: ", ")), expected all or none")
            }
            notes += BenchmarkContents.hashingNote
        }
        for modality in modalities {
            let without = order.filter { absent[modality.name]?.contains($0) == true }
            notes += BenchmarkContents.absenceNote(modality.name, without, root: root)
        }
        var benchmark = self
        benchmark.classes = kept.classes
        return BenchmarkContents(benchmark, splits, notes: notes)
    }
}
