extension BenchmarkDataset {
    /// Reads the data set from a folder: a folder of features in the form of ``SiteFolder`` with the splits `train`,
    /// `test` and, where the publisher gives one, `dev`; else the publisher's files, where there is a reader for them.
    ///
    /// A folder of features names who a row is from in `subjects`, where clients are natural. A modality that it lacks
    /// altogether counts as absent: every example has length 0.
    ///
    /// - Parameters:
    ///   - path: the folder, or one that holds it under the data set's name.
    ///   - isFaithful: whether to read with the mistakes of the benchmark's code.
    ///   - fold: which of ``folds`` is read, from 1, where the publisher's files are; nil for the first.
    /// - Throws: `DatasetError` that says what is missing and where the data can be had; `invalidArgument` for a fold
    ///   that the data do not have.
    public func read(
        path: String?, isFaithful: Bool = false, fold: Int? = nil
    ) throws(DatasetError) -> BenchmarkContents {
        try check(fold: fold)
        guard let path else {
            throw DatasetError(
                .invalidArgument,
                "data set '\(name)' is read from a folder: expected --data with its path (\(origin)), or generated data: "
                    + "\(SitePartition.Source.generatedPrefix)\(name)")
        }
        guard BoundedFile.folderExists(path) else {
            throw DatasetError(.missing, "\(path): no such folder: expected the data set '\(name)' (\(origin))")
        }
        for folder in [path, "\(path)/\(name)"] where BoundedFile.exists("\(folder)/\(SiteManifest.fileName)") {
            guard fold == nil else {
                throw DatasetError(
                    .invalidArgument, "\(folder): fold is given, expected none: a folder of features holds one fold")
            }
            return try features(folder)
        }
        switch name {
        case Self.uciHAR.name:
            let reader = try UCIHARReader(path: path)
            return try BenchmarkContents(self, ["train": try reader.read(.train), "test": try reader.read(.test)])
        case Self.meld.name:
            return try MELDReader(path: path).read()
        case Self.crisisMMD.name:
            return try CrisisMMDReader(path: path).read(isFaithful: isFaithful)
        default:
            return try published(path, isFaithful: isFaithful, fold: fold ?? 1)
        }
    }

    /// The first of some folders that holds a file.
    ///
    /// - Throws: `DatasetError` with code `missing` that says where the data can be had.
    func folder(at path: String, holding file: String, within candidates: [String]) throws(DatasetError) -> String {
        for candidate in candidates {
            let folder = candidate.isEmpty ? path : "\(path)/\(candidate)"
            if BoundedFile.exists("\(folder)/\(file)") { return folder }
        }
        throw DatasetError(
            .missing,
            "\(path): no '\(file)' here nor in \(candidates.filter { !$0.isEmpty }.map { "'\($0)'" }.joined(separator: ", ")), "
                + "and no \(SiteManifest.fileName): expected \(title), which is \(origin)")
    }

    /// Reads a folder of features.
    private func features(_ path: String) throws(DatasetError) -> BenchmarkContents {
        let site = try SiteFolder(path: path)
        let place = "\(path)/\(SiteManifest.fileName)"
        try check(site.manifest, place: place)
        let known = Dictionary(uniqueKeysWithValues: site.manifest.modalities.enumerated().map { ($1.name, $0) })
        let absent = modalities.map(\.name).filter { known[$0] == nil }
        var datasets: [String: MultimodalDataset] = [:]
        for split in ["train"] + heldOutSplits {
            let read = try site.read(split: split)
            // What is complete and in order stays as it is.
            guard site.manifest.modalities.map(\.name) != modalities.map(\.name) else {
                datasets[split] = read
                continue
            }
            let columns = modalities.map { modality in
                known[modality.name].map {
                    ModalityColumn(
                        modality: read.modalities[$0], values: read.values[$0], lengths: read.lengths[$0])
                } ?? ModalityColumn.absent(modality, count: read.count)
            }
            datasets[split] = try MultimodalDataset(
                name: read.name, classes: read.classes, modalities: columns.map(\.modality),
                values: columns.map(\.values), labels: read.labels, subjects: read.subjects,
                lengths: columns.map(\.lengths), targets: read.targets)
        }
        if needsSubjects, datasets["train"]?.subjects == nil {
            throw DatasetError(
                .missing,
                "\(path): the split 'train' has no tensor 'subjects', expected who each row is from: \(title) is dealt by it"
            )
        }
        let notes = absent.map { "\($0): not in \(place), every example has length 0" }
        return try BenchmarkContents(self, datasets, notes: notes)
    }

    /// Whether rows are dealt by who they are from.
    private var needsSubjects: Bool {
        if case .dirichlet = dealing { false } else { true }
    }

    /// Checks what a folder of features says of itself.
    private func check(_ manifest: SiteManifest, place: String) throws(DatasetError) {
        guard manifest.dataset == name else {
            throw DatasetError(.mismatch, "\(place): data set '\(manifest.dataset)', expected '\(name)'")
        }
        guard manifest.isMultilabel == isMultilabel else {
            throw DatasetError(
                .mismatch,
                "\(place): multilabel is \(manifest.isMultilabel), expected \(isMultilabel) for \(title)")
        }
        let numbered = classes.indices.map { "class-\($0)" }
        guard manifest.classes.count == classes.count,
            !namesClasses || manifest.classes == classes || manifest.classes == numbered
        else {
            throw DatasetError(
                .mismatch,
                "\(place): classes \(manifest.classes.prefix(60)), expected \(classes.count)"
                    + (namesClasses ? ": \(classes.joined(separator: ", "))" : ""))
        }
        let splits = Set(["train"] + heldOutSplits)
        guard Set(manifest.splits.keys) == splits else {
            let why = development == .given ? "" : "; 'dev' is drawn from 'train'"
            throw DatasetError(
                .mismatch,
                "\(place): splits \(manifest.splits.keys.sorted().joined(separator: ", ")), expected "
                    + "\(splits.sorted().joined(separator: ", "))\(why)")
        }
        for modality in manifest.modalities {
            guard let declared = modalities.first(where: { $0.name == modality.name }) else {
                throw DatasetError(
                    .mismatch,
                    "\(place): modality '\(modality.name)', expected only "
                        + modalities.map(\.name).joined(separator: ", "))
            }
            let fits =
                declared.isImage
                ? modality.shape == declared.shape
                : modality.shape.last == declared.shape.last && modality.shape.count <= 2
            guard fits else {
                let expected = declared.isImage ? "\(declared.shape)" : "[steps, \(declared.shape[1])]"
                throw DatasetError(
                    .mismatch,
                    "\(place): modality '\(modality.name)' has shape \(modality.shape), expected \(expected)")
            }
        }
    }
}
