extension AudioFeatures {
    /// The features of rows whose recordings are there.
    ///
    /// - Parameter groups: the group of each row, for `Normalisation.group`.
    /// - Throws: `DatasetError` with code `missing` naming the first row that has no recording; as for
    ///   ``read(files:groups:limits:)``.
    func column(_ rows: [ListedRow], groups: [String]? = nil) throws(DatasetError) -> ModalityColumn {
        var files: [String] = []
        for row in rows {
            guard let file = row.file else {
                throw DatasetError(.missing, "'\(row.key)': the folder has no sound of this row")
            }
            files.append(file)
        }
        let block = try read(files: files, groups: groups)
        return ModalityColumn(modality: modality, values: block.values, lengths: block.lengths)
    }
}
