import Durability
import Foundation
public import Weights

/// Client state in safetensors files `<name>.<round>.safetensors` of the trainer contract's `state` folder.
///
/// What is saved in a round is used from the next one on: `load` takes the newest file of an earlier round. So a round
/// that is tried again starts from the state the first try started from, and its own state replaces the first try's: no
/// try counts twice. `save` makes folder and file durable, and then removes what is older than the file it built
/// upon, so two rounds are kept. An update that the coordinator leaves out has changed the state all the same.
public struct FolderClientState: ClientState {
    private let folder: String
    private let round: Int
    private let keptRound: Int

    /// The state as a round sees it.
    ///
    /// - Parameters:
    ///   - folder: made at the first save.
    ///   - round: the round that runs. To see what was saved in a round itself, name the next.
    ///   - keptRound: a round not after it whose state saving keeps too, because all may begin again from there.
    public init(folder: String, round: Int, keptRound: Int? = nil) {
        self.folder = folder
        self.round = round
        self.keptRound = min(round, keptRound ?? round)
    }

    /// The newest tensors of an earlier round.
    public func load(_ name: String, schema: WeightsSchema) throws -> Weights? {
        guard let newest = rounds(of: name).last(where: { $0 < round }) else { return nil }
        return try TrainerFiles.read(path(name, newest), schema: schema)
    }

    /// Writes this round's tensors and removes those that no round needs any more.
    public func save(_ name: String, _ weights: Weights) throws {
        // A checkpoint or an update that refers to it may be durable a moment later.
        try Self.write(weights, to: file(name, round), in: folder)
        for old in rounds(of: name).filter({ $0 < keptRound }).dropLast() { unlink(path(name, old)) }
    }

    /// Writes a state so that it is there after a power failure: its folder and those above it, the content, the name.
    ///
    /// - Throws: `TrainingError` with code `output`.
    static func write(
        _ weights: Weights, to name: String, in folder: String, fileSystem: any FileSystem = PosixFileSystem()
    ) throws(TrainingError) {
        let path = "\(folder)/\(name)"
        do {
            try fileSystem.makeDirectory(folder)
            try DurableFile.write(to: path, fileSystem: fileSystem) { file in
                try Safetensors.write(weights) { try file.append($0) }
            }
        } catch {
            throw TrainingError(.output, "\(path): cannot be written", cause: error)
        }
    }

    private func file(_ name: String, _ round: Int) -> String { "\(name).\(round).safetensors" }

    private func path(_ name: String, _ round: Int) -> String { "\(folder)/\(file(name, round))" }

    /// The rounds of which there are files, ascending.
    private func rounds(of name: String) -> [Int] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return files.compactMap { file -> Int? in
            guard file.hasPrefix(name + "."), file.hasSuffix(".safetensors") else { return nil }
            return Int(file.dropFirst(name.count + 1).dropLast(".safetensors".count))
        }.sorted()
    }
}
