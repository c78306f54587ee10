import Durability
import Privacy

/// The secret of a trainer for one job: `privacy.key` in the trainer's private `state` folder.
enum TrainerSecret {
    /// The secret, made on first use.
    ///
    /// - Throws: `PrivacyError` when the file holds something else, `TrainingError` `output` when it cannot be read or
    ///   written.
    static func load(in folder: String) throws -> PrivacySecret {
        let file = SecretFile("\(folder)/privacy.key")
        do {
            try PosixFileSystem().makeDirectory(folder)
            return try file.load()
        } catch let error as PrivacyError {
            throw error
        } catch {
            throw TrainingError(.output, "\(file.path): cannot be read or written", cause: error)
        }
    }
}
