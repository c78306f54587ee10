internal import Durability
internal import Federation
internal import Jobs
internal import Privacy
internal import Weights

/// The secrets of jobs with privacy: `secrets/<job>.key`, 32 bytes, mode 0600. Who reads one can take the noise off the
/// weights, so a secret is removed when its job is over.
struct JobSecrets: Sendable {
    let folder: String
    let fileSystem: any FileSystem

    /// Opens or creates the folder.
    init(folder: String, fileSystem: any FileSystem) throws {
        self.folder = folder
        self.fileSystem = fileSystem
        try fileSystem.makeDirectory(folder)
    }

    private func path(_ job: String) -> String { "\(folder)/\(job).key" }

    /// The secret of a job, made by the operating system and durable on the first call.
    ///
    /// - Parameter isNew: whether the job has drawn no cohort yet. Of one that has the secret must be there: other noise on
    ///   the same updates would tell what the noise was to hide.
    /// - Throws: ``CoordinatorError`` `corrupt` when it is not.
    func secret(of job: String, isNew: Bool) throws -> PrivacySecret {
        let file = SecretFile(path(job), fileSystem: fileSystem)
        if let known = try file.existing() { return known }
        guard isNew else {
            throw CoordinatorError(
                .corrupt,
                "\(file.path) is not there, expected the secret that job \(job) was begun with: put the file back from a copy of "
                    + "the state folder")
        }
        return try file.make()
    }

    /// Forgets the secret of a job that is over.
    func remove(_ job: String) throws {
        try DurableFile.remove(path(job), fileSystem: fileSystem)
    }
}

extension JobPlan {
    /// The privacy of the job as its store has it; nil for a job without.
    func privacy(_ snapshot: EngineSnapshot, secrets: JobSecrets) throws -> RoundPrivacy? {
        guard !specification.privacy.isEmpty else { return nil }
        let isNew = snapshot.completedRounds == 0 && snapshot.failedAttempts == 0 && snapshot.current == nil
        return try RoundPrivacy(
            specification, secret: secrets.secret(of: id, isNew: isNew), spent: snapshot.spent,
            parameters: parameters)
    }
}
