public import Foundation
public import X509

/// A participant's certificate, key and trusted root, loaded and checked for belonging together.
///
/// Loading does not judge dates, issuer or role: the peer does that at the handshake. ``problems(as:at:)`` tells what a
/// peer would object to.
public struct IdentityMaterial: Sendable {
    /// Where it was loaded from.
    public let files: IdentityFiles
    /// Who the certificate says this is.
    public let identity: ParticipantIdentity
    /// The root that peers must be signed by.
    public let authority: Certificate
    /// The participant's certificate.
    public private(set) var certificate: Certificate
    /// Certificate and root as PEM, for TLS.
    private(set) var certificatePEM: [UInt8]
    let authorityPEM: [UInt8]
    /// The private key as PEM. Not in any description or log.
    let keyPEM: [UInt8]

    /// Reads the three files.
    ///
    /// - Throws: ``IdentityError``: `missingFile`, `unreadable` (naming the file), or `mismatch` when the key is not
    ///   the certificate's.
    public static func load(_ files: IdentityFiles) throws -> IdentityMaterial {
        let authorityText = try PEM.read(files.ca, as: "CA certificate")
        let certificateText = try PEM.read(files.certificate, as: "certificate")
        let keyText = try PEM.read(files.key, as: "private key")
        let certificate = try PEM.certificate(certificateText, source: files.certificate)
        let key = try PEM.key(keyText, source: files.key)
        guard key.publicKey == certificate.publicKey else {
            throw IdentityError(
                .mismatch,
                "\(files.key) is not the key of \(files.certificate); was a renewal interrupted? Run "
                    + "`tributary provision` again"
            )
        }
        let identity: ParticipantIdentity
        do {
            identity = try certificate.participantIdentity()
        } catch {
            throw IdentityError(.unreadable, "\(files.certificate) names no participant", cause: error)
        }
        let authority = try PEM.certificate(authorityText, source: files.ca)
        return IdentityMaterial(
            files: files,
            identity: identity,
            authority: authority,
            certificate: certificate,
            certificatePEM: Array(try PEM.text(certificate).utf8),
            authorityPEM: Array(try PEM.text(authority).utf8),
            keyPEM: Array(keyText.utf8)
        )
    }

    /// Last instant of validity.
    public var notAfter: Date { certificate.notValidAfter }

    /// The serial number in lower-case hexadecimal.
    public var serial: String { certificate.serialText }

    /// Whole days until the certificate ends, negative when it ended.
    public var daysLeft: Int { daysLeft(at: Date()) }

    /// Whole days from `now` until the certificate ends, negative when it ended.
    public func daysLeft(at now: Date) -> Int {
        CertificateSummary.daysLeft(until: notAfter, at: now)
    }

    /// A sentence for the log when fewer than 30 days are left, or the certificate is not valid now; daemons log it at
    /// start and once a day.
    public func expiryWarning(at now: Date = Date()) -> String? {
        summary.warning(at: now)
    }

    /// What people want to know about the certificate.
    public var summary: CertificateSummary { CertificateSummary(certificate) }

    /// Everything that would keep this material from working in `role`, each as a sentence with what to do; empty
    /// when all is well.
    public func problems(as role: Role, federation: String? = nil, at now: Date = Date()) -> [String] {
        var problems: [String] = []
        if certificate.issuer != authority.subject
            || !authority.publicKey.isValidSignature(certificate.signature, for: certificate)
        {
            problems.append(
                "\(files.certificate) is not signed by \(files.ca): provision both from the same federation")
        }
        if let federation, federation != identity.federation {
            problems.append("the certificate is of the federation \"\(identity.federation)\", not \"\(federation)\"")
        }
        if identity.role != role {
            problems.append("the certificate is that of a \(identity.role), this program needs that of a \(role)")
        }
        let usage = PeerUsage(of: role)
        if !usage.isAllowed(by: certificate) {
            problems.append("the certificate may not be used as a \(role) (extended key usage \(usage) is missing)")
        }
        if let warning = expiryWarning(at: now) { problems.append(warning) }
        if now > authority.notValidAfter {
            problems.append(
                "the CA certificate ended on \(Timestamp.text(authority.notValidAfter)): make a new federation")
        }
        if let mode = FileMode.of(files.key), mode & 0o077 != 0 {
            problems.append(
                "\(files.key) can be read by others (mode 0\(String(mode, radix: 8))): chmod 600 \(files.key)")
        }
        return problems
    }

    /// Presents another certificate for the same key, however odd: for tests.
    package mutating func present(_ other: Certificate) throws {
        certificate = other
        certificatePEM = Array(try PEM.text(other).utf8)
    }
}
