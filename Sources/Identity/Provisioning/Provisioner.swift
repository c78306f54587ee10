public import Durability
public import Foundation
internal import X509

/// Makes a federation's CA and one folder for each participant.
///
/// ```
/// DIR/ca/{ca.pem,ca.key}         the CA; its key signs newcomers and goes nowhere
/// DIR/coordinator/               ca.pem, certificate.pem, key.pem, coordinator.yaml
/// DIR/clients/<name>/            the same with client.yaml
/// DIR/operators/<name>/          the same with operator.yaml
/// ```
///
/// Folders have mode 0700, keys 0600. Running again adds newcomers, finishes what an interrupted run left, and
/// replaces nothing: no key, no certificate, no edited configuration. Only ``run(renewing:now:)`` with a name
/// replaces that participant's key and certificate.
public struct Provisioner: Sendable {
    /// Who takes part.
    public let file: FederationFile
    /// The output folder.
    public let output: String
    let fileSystem: any FileSystem

    /// A provisioner; nothing is written yet.
    ///
    /// - Throws: ``IdentityError`` `invalidArgument` for a file that makes no sense.
    public init(_ file: FederationFile, output: String, fileSystem: any FileSystem = PosixFileSystem()) throws {
        try file.validate()
        self.file = file
        self.output = output
        self.fileSystem = fileSystem
    }

    /// The folder of a participant.
    public func folder(of role: Role, name: String) -> String {
        switch role {
        case .coordinator: "\(output)/coordinator"
        case .client: "\(output)/clients/\(name)"
        case .operator: "\(output)/operators/\(name)"
        }
    }

    /// Provisions everyone in the file.
    ///
    /// - Parameters:
    ///   - name: a participant whose key and certificate are replaced by new ones. Both become visible together: a
    ///     run that is interrupted between the two is finished by the next run. The daemon uses them from its next
    ///     start.
    ///   - now: the time of issue.
    /// - Returns: what was done; problems of single participants are in it, and the others are done all the same.
    /// - Throws: ``IdentityError``: `unknownName` for a name that is not in the file, `mismatch` or `missingFile`
    ///   when the CA cannot be used; `DurabilityError` when the disk refuses or another run holds the folder.
    @discardableResult
    public func run(renewing name: String? = nil, now: Date = Date()) throws -> ProvisioningReport {
        let members = file.members
        if let name, !members.contains(where: { $0.name == name }) {
            throw IdentityError(.unknownName, "there is no participant \"\(name)\" in the federation file")
        }
        try fileSystem.makeDirectory(output, permissions: 0o700)
        let lock = try InstanceLock(path: output + "/.lock")
        defer { lock.release() }

        var authority = try AuthorityFolder(
            path: output + "/ca", federation: file.federation, fileSystem: fileSystem,
            hasParticipants: hasParticipants(), now: now
        )
        var report = ProvisioningReport(
            authorityFolder: authority.path,
            authority: authority.action,
            authorityNotAfter: authority.certificate.notValidAfter
        )
        for member in members {
            do {
                let entry = try provision(
                    member, isRenewed: member.name == name, with: &authority, now: now, &report.warnings)
                report.entries.append(entry)
            } catch let error as IdentityError {
                report.problems.append("\(member.role) \(member.name): \(error)")
            }
        }
        report.warnings += try unlisted(members)
        return report
    }

    private func provision(
        _ member: FederationFile.Member,
        isRenewed: Bool,
        with authority: inout AuthorityFolder,
        now: Date,
        _ warnings: inout [String]
    ) throws -> ProvisioningReport.Entry {
        let identity = try ParticipantIdentity(federation: file.federation, role: member.role, name: member.name)
        let hosts = member.role == .coordinator ? file.coordinator.hosts : []
        let participant = ParticipantFolder(path: folder(of: member.role, name: member.name), fileSystem: fileSystem)
        try fileSystem.makeDirectory(participant.path, permissions: 0o700)
        try participant.finishRenewal()
        let issue = { (authority: inout AuthorityFolder, key: Certificate.PrivateKey) in
            try authority.signer().issue(
                identity, for: key.publicKey, hosts: hosts, validDays: member.validDays, now: now
            )
        }

        let action: ProvisioningReport.Action
        let certificate: Certificate
        switch (try participant.key(), try participant.certificate()) {
        case (nil, nil):
            let key = CertificateAuthority.makeKey()
            certificate = try issue(&authority, key)
            try participant.store(key)
            try participant.store(certificate)
            action = .created
        case (_, _) where isRenewed:
            let key = CertificateAuthority.makeKey()
            certificate = try issue(&authority, key)
            try participant.replace(key: key, certificate: certificate)
            action = .renewed
        case (let key?, nil):
            certificate = try issue(&authority, key)
            try participant.store(certificate)
            action = .completed
        case (nil, _?):
            throw IdentityError(
                .missingFile,
                "\(participant.keyPath) is missing: put it back, or make a new key and certificate with --renew "
                    + member.name
            )
        case (let key?, let found?):
            try check(found, key: key, identity: identity, participant: participant, authority: authority)
            warnings += remarks(on: found, hosts: hosts, now: now)
            certificate = found
            action = .kept
        }
        let isWhole = try participant.complete(
            authority: PEM.text(authority.certificate),
            configuration: ConfigurationTemplate.fileName(of: member.role),
            text: ConfigurationTemplate.text(for: member.role, in: file)
        )
        return ProvisioningReport.Entry(
            identity: identity,
            action: action == .kept && !isWhole ? .completed : action,
            folder: participant.path,
            serial: certificate.serialText,
            notAfter: certificate.notValidAfter,
            daysLeft: CertificateSummary.daysLeft(until: certificate.notValidAfter, at: now)
        )
    }

    private func check(
        _ certificate: Certificate,
        key: Certificate.PrivateKey,
        identity: ParticipantIdentity,
        participant: ParticipantFolder,
        authority: AuthorityFolder
    ) throws {
        guard key.publicKey == certificate.publicKey else {
            throw IdentityError(
                .mismatch,
                "\(participant.keyPath) is not the key of \(participant.certificatePath): put the right one back, or "
                    + "make new ones with --renew \(identity.name)"
            )
        }
        guard authority.certificate.publicKey.isValidSignature(certificate.signature, for: certificate) else {
            throw IdentityError(
                .mismatch,
                "\(participant.certificatePath) is not signed by the CA in \(authority.path): use another "
                    + "output folder, or make a new one with --renew \(identity.name)"
            )
        }
        guard try certificate.participantIdentity() == identity else {
            throw IdentityError(.mismatch, "\(participant.certificatePath) is not that of \(identity)")
        }
    }

    private func remarks(on certificate: Certificate, hosts: [String], now: Date) -> [String] {
        let summary = CertificateSummary(certificate)
        var remarks: [String] = []
        if let warning = summary.warning(at: now) { remarks.append(warning) }
        let wanted = Set(hosts.compactMap { try? HostName($0) })
        let found = Set((try? certificate.hostNames()) ?? [])
        if wanted != found {
            remarks.append(
                "the coordinator's certificate is for \(summary.hosts.joined(separator: ", ")), the file now says "
                    + "\(hosts.joined(separator: ", ")): --renew \(file.coordinator.name) makes a new one"
            )
        }
        return remarks
    }

    /// Whether somebody was provisioned here before, so that a missing CA is a loss and not a beginning.
    private func hasParticipants() throws -> Bool {
        try file.members.contains { member in
            let folder = ParticipantFolder(path: folder(of: member.role, name: member.name), fileSystem: fileSystem)
            return try fileSystem.exists(folder.certificatePath)
        }
    }

    private func unlisted(_ members: [FederationFile.Member]) throws -> [String] {
        var warnings: [String] = []
        for (role, folder) in [(Role.client, "clients"), (.operator, "operators")] {
            let path = "\(output)/\(folder)"
            guard try fileSystem.exists(path) else { continue }
            let known = Set(members.filter { $0.role == role }.map(\.name))
            for name in try fileSystem.list(path) where !known.contains(name) && ParticipantIdentity.isValidName(name) {
                warnings.append(
                    "\(path)/\(name) is not in the federation file; its certificate stays good until it ends: to shut "
                        + "it out, tributary revoke \(name)"
                )
            }
        }
        return warnings
    }
}
