import Jobs
import Privacy
import Weights
import Wire

/// What the daemon does to updates before they leave the site, in a job with local privacy.
struct UpdateProtection: Sendable {
    let settings: PrivacySettings
    private let secret: PrivacySecret
    private let task: TaskIdentity

    /// The protection of a task's update; nil where the job asks for none here.
    ///
    /// The noise comes from a secret of the site, `privacy.key` in the state folder, and the update itself: one that is made
    /// twice has the same noise, and another one of the same task has other noise, or their difference would be bare.
    ///
    /// - Throws: `JobsError`, `PrivacyError`, errors of the disk.
    static func of(
        _ specification: JobSpecification, task: TaskIdentity, folder: StateFolder
    ) throws -> UpdateProtection? {
        guard let settings = try PrivacySettings.reading(specification.privacy), settings.mechanism == .local
        else { return nil }
        return UpdateProtection(settings: settings, secret: try folder.secret(), task: task)
    }

    /// The noise for an update in a file.
    func noise(_ file: SafetensorsFile, schema: WeightsSchema) throws -> LocalNoise {
        var total = 0.0
        let digest = try UpdateDigest.of(file, schema, for: "local privacy") { values in
            for value in values { total += Double(value) * Double(value) }
        }
        return LocalNoise(
            norm: total.squareRoot(), clipNorm: settings.clipNorm, noiseMultiplier: settings.noiseMultiplier,
            stream: secret.stream(
                purpose: "local \(task.job) \(digest)", round: task.round, attempt: task.attempt))
    }
}

extension StateFolder {
    /// The site's secret for noise, made by the operating system on first use.
    func secret() throws -> PrivacySecret { try SecretFile("\(path)/privacy.key").load() }
}
