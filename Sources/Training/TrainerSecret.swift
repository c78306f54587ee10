import Foundation
import Privacy

/// The secret of a trainer for one job: `privacy.key` in the trainer's private `state` folder, mode 0600.
enum TrainerSecret {
    /// The secret, made by the operating system and durable on first use.
    ///
    /// - Throws: `PrivacyError` when the file holds something else, `TrainingError` `output` when it cannot be written.
    static func load(in folder: String) throws -> PrivacySecret {
        let path = "\(folder)/privacy.key"
        if let data = FileManager.default.contents(atPath: path) { return try PrivacySecret(bytes: Array(data)) }
        let secret = PrivacySecret()
        let part = path + ".part"
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        guard
            FileManager.default.createFile(
                atPath: part, contents: Data(secret.rawBytes), attributes: [.posixPermissions: 0o600])
        else { throw TrainingError(.output, "\(part): cannot be written") }
        try TrainerFiles.synchronise(part)
        guard rename(part, path) == 0 else { throw TrainingError(.output, "\(path): cannot be written") }
        try TrainerFiles.synchronise(folder)
        return secret
    }
}
