import Durability
import Weights

/// What the encodings of a job's updates have left out so far, in files `<round>.safetensors` of a folder.
///
/// What a round leaves out is used from the next round on: ``open(_:)`` takes the newest file of an earlier round. So a
/// round that is tried again starts from what the first try started from, its file replaces the first try's, and the same
/// update gives the same bytes. Files are durable before the update that they belong to; the one a file was built upon is
/// kept. An update that the coordinator leaves out has changed the files all the same. Without a file (a job's first round
/// here, or its folder was removed) nothing was left out.
struct ResidualFiles {
    let folder: String
    let round: Int
    let fileSystem: any FileSystem

    /// The files as a round sees them.
    init(folder: String, round: Int, fileSystem: any FileSystem = PosixFileSystem()) {
        self.folder = folder
        self.round = round
        self.fileSystem = fileSystem
    }

    /// What was left out before this round; nil for nothing.
    ///
    /// - Throws: ``ClientError`` (`update`) when the file is damaged or of other tensors.
    func open(_ schema: WeightsSchema) throws -> SafetensorsFile? {
        guard let newest = try rounds().last(where: { $0 < round }) else { return nil }
        let file: SafetensorsFile
        do {
            file = try SafetensorsFile(path: path(newest), limits: ReadLimits(dataBytes: schema.byteCount))
        } catch {
            throw ClientError(.update, "what earlier rounds left out cannot be read", cause: error)
        }
        guard file.schema == schema else {
            throw ClientError(.update, "what earlier rounds left out is not of this job's tensors")
        }
        return file
    }

    /// Writes what this round leaves out and removes what no round needs any more.
    func save(_ body: (DurableWriter) throws -> Void) throws {
        if try !fileSystem.exists(folder) { try fileSystem.makeDirectory(folder) }
        try DurableFile.write(to: path(round), fileSystem: fileSystem, body)
        for old in try rounds().filter({ $0 < round }).dropLast() { try fileSystem.remove(path(old)) }
    }

    private func path(_ round: Int) -> String { "\(folder)/\(round).safetensors" }

    /// The rounds of which there are files, ascending.
    private func rounds() throws -> [Int] {
        guard try fileSystem.exists(folder) else { return [] }
        return try fileSystem.list(folder).compactMap { name in
            name.hasSuffix(".safetensors") ? Int(name.dropLast(".safetensors".count)) : nil
        }.sorted()
    }
}
