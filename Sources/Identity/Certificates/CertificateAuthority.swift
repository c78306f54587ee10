internal import Crypto
public import Foundation
internal import SwiftASN1
public import X509

/// The federation's own certificate authority: one self-signed ECDSA P-256 root that signs every participant directly.
///
/// The root is valid for ten years, may sign certificates only, and allows no authority below it
/// (`pathLenConstraint` 0). Whoever holds its key can admit participants, so the key stays where provisioning is done.
public struct CertificateAuthority: Sendable {
    /// Certificates begin this much before they are issued, for machines whose clocks run late.
    public static let backdating: TimeInterval = 5 * 60
    /// The validity of a participant's certificate unless told otherwise, in days.
    public static let defaultValidDays = 365
    /// The validity of the root, in days.
    public static let authorityValidDays = 3650

    /// The root certificate.
    public let certificate: Certificate
    /// The federation it was made for.
    public let federation: String
    private let key: Certificate.PrivateKey

    /// A new root for a federation.
    ///
    /// - Parameters:
    ///   - federation: the federation's name.
    ///   - key: an existing key to use (a half-finished provisioning), otherwise a new one.
    ///   - now: the time of issue.
    public init(creating federation: String, key: Certificate.PrivateKey? = nil, now: Date = Date()) throws {
        try ParticipantIdentity.validate(federation, as: "federation name")
        let key = key ?? Self.makeKey()
        let subject = try DistinguishedName {
            CommonName("Tributary CA")
            OrganizationName(federation)
        }
        let identifier = SubjectKeyIdentifier(hash: key.publicKey)
        certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: key.publicKey,
            notValidBefore: now.addingTimeInterval(-Self.backdating).wholeSecond,
            notValidAfter: now.addingTimeInterval(TimeInterval(Self.authorityValidDays) * 86_400).wholeSecond,
            issuer: subject,
            subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true))
                identifier
                AuthorityKeyIdentifier(keyIdentifier: identifier.keyIdentifier)
            },
            issuerPrivateKey: key
        )
        self.key = key
        self.federation = federation
    }

    /// An existing root.
    ///
    /// - Throws: ``IdentityError`` `mismatch` when the key is not the certificate's, or the certificate is no CA.
    public init(certificate: Certificate, key: Certificate.PrivateKey) throws {
        guard key.publicKey == certificate.publicKey else {
            throw IdentityError(.mismatch, "the CA's key does not belong to its certificate")
        }
        guard case .isCertificateAuthority = try certificate.extensions.basicConstraints else {
            throw IdentityError(.mismatch, "the CA's certificate is not that of a certificate authority")
        }
        guard let federation = certificate.organisation else {
            throw IdentityError(.mismatch, "the CA's certificate names no federation (organisation) in its subject")
        }
        self.certificate = certificate
        self.key = key
        self.federation = federation
    }

    /// A certificate for a participant.
    ///
    /// It carries the identity as its only URI, `digitalSignature`, and one extended key usage: server authentication
    /// for the coordinator, client authentication for clients and operators. It begins ``backdating`` before `now`
    /// and never outlives the root.
    ///
    /// - Parameters:
    ///   - identity: who it is for; of this CA's federation.
    ///   - publicKey: the participant's public key.
    ///   - hosts: DNS names and IP addresses under which a coordinator is reached; empty for others.
    ///   - validDays: 1 to 3650.
    ///   - now: the time of issue.
    public func issue(
        _ identity: ParticipantIdentity,
        for publicKey: Certificate.PublicKey,
        hosts: [String] = [],
        validDays: Int = defaultValidDays,
        now: Date = Date()
    ) throws -> Certificate {
        guard identity.federation == federation else {
            throw IdentityError(
                .mismatch, "this CA is of the federation \"\(federation)\", not \"\(identity.federation)\"")
        }
        guard (1...Self.authorityValidDays).contains(validDays) else {
            throw IdentityError(
                .invalidArgument, "validDays \(validDays) of \(identity.name): expected 1 to \(Self.authorityValidDays)"
            )
        }
        guard (identity.role == .coordinator) != hosts.isEmpty else {
            throw IdentityError(
                .invalidArgument,
                "\(identity): a coordinator needs at least one host, other participants have none (found \(hosts.count))"
            )
        }
        guard now < certificate.notValidAfter else {
            throw IdentityError(.invalidArgument, "the CA's certificate ended on \(certificate.notValidAfter)")
        }
        // Up to the next whole second, so that as many whole days are left now.
        let notAfter = now.addingTimeInterval(TimeInterval(validDays) * 86_400 + 0.999)
        let profile = CertificateProfile(
            identity,
            hosts: hosts,
            notBefore: max(now.addingTimeInterval(-Self.backdating), certificate.notValidBefore),
            notAfter: min(notAfter, certificate.notValidAfter)
        )
        return try issue(profile, for: publicKey)
    }

    /// A certificate with exactly this content.
    package func issue(_ profile: CertificateProfile, for publicKey: Certificate.PublicKey) throws -> Certificate {
        let names =
            try profile.uris.map(GeneralName.uniformResourceIdentifier)
            + profile.hosts.map { try HostName($0).generalName }
        return try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: publicKey,
            notValidBefore: profile.notBefore.wholeSecond,
            notValidAfter: profile.notAfter.wholeSecond,
            issuer: certificate.subject,
            subject: try DistinguishedName {
                CommonName(profile.subject.name)
                OrganizationalUnitName(profile.subject.unit)
                OrganizationName(profile.subject.organisation)
            },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                if !profile.usages.isEmpty { try ExtendedKeyUsage(profile.usages) }
                if !names.isEmpty { SubjectAlternativeNames(names) }
                SubjectKeyIdentifier(hash: publicKey)
                AuthorityKeyIdentifier(keyIdentifier: SubjectKeyIdentifier(hash: certificate.publicKey).keyIdentifier)
            },
            issuerPrivateKey: key
        )
    }

    /// The root certificate as PEM.
    public func certificatePEM() throws -> String { try PEM.text(certificate) }

    /// The root's private key as PEM (PKCS#8): for the CA's own folder only.
    public func keyPEM() throws -> String { try PEM.text(key) }

    /// A new ECDSA P-256 key.
    public static func makeKey() -> Certificate.PrivateKey {
        Certificate.PrivateKey(P256.Signing.PrivateKey())
    }
}

extension Date {
    /// The second it is in: certificates count whole seconds.
    fileprivate var wholeSecond: Date { Date(timeIntervalSince1970: timeIntervalSince1970.rounded(.down)) }
}
