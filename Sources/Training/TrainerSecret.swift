import Durability
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
        do {
            try PosixFileSystem().makeDirectory(folder)
            try DurableFile.write(secret.rawBytes, to: path, permissions: 0o600)
        } catch {
            throw TrainingError(.output, "\(path): cannot be written", cause: error)
        }
        return secret
    }
}
