package import Foundation
package import X509

/// What goes into a certificate, without a check of whether it makes sense: so that tests can make odd ones.
///
/// Programs use ``CertificateAuthority/issue(_:for:hosts:validDays:now:)``.
package struct CertificateProfile: Sendable {
    /// The common name, organisational unit and organisation of the subject.
    package var subject: (name: String, unit: String, organisation: String)
    /// URIs among the subject alternative names.
    package var uris: [String]
    /// DNS names and IP addresses among the subject alternative names.
    package var hosts: [String]
    /// Extended key usages; none means no such extension.
    package var usages: [ExtendedKeyUsage.Usage]
    /// First instant of validity.
    package var notBefore: Date
    /// Last instant of validity.
    package var notAfter: Date

    /// The profile of a proper certificate for `identity`.
    package init(_ identity: ParticipantIdentity, hosts: [String] = [], notBefore: Date, notAfter: Date) {
        subject = (identity.name, identity.role.rawValue, identity.federation)
        uris = [identity.uri]
        self.hosts = hosts
        usages = [identity.role == .coordinator ? .serverAuth : .clientAuth]
        self.notBefore = notBefore
        self.notAfter = notAfter
    }
}
