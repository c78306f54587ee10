public import Foundation
public import X509

/// What people want to know about a certificate; for `check`, `clients` and start-up messages.
public struct CertificateSummary: Sendable, Hashable, Codable {
    /// Daemons warn when fewer days than this are left.
    public static let warningDays = 30

    /// The participant, when the certificate names one.
    public var identity: ParticipantIdentity?
    /// The serial number in lower-case hexadecimal.
    public var serial: String
    /// The subject in RFC 4514 form.
    public var subject: String
    /// The issuer in RFC 4514 form.
    public var issuer: String
    /// First instant of validity.
    public var notBefore: Date
    /// Last instant of validity.
    public var notAfter: Date
    /// Extended key usages, such as `clientAuth`.
    public var usages: [String]
    /// DNS names and IP addresses.
    public var hosts: [String]

    /// Summarises a certificate; parts that cannot be read are left out.
    public init(_ certificate: Certificate) {
        identity = try? certificate.participantIdentity()
        serial = certificate.serialText
        subject = certificate.subject.description
        issuer = certificate.issuer.description
        notBefore = certificate.notValidBefore
        notAfter = certificate.notValidAfter
        usages = ((try? certificate.extensions.extendedKeyUsage) ?? ExtendedKeyUsage()).map { usage in
            switch usage {
            case .serverAuth: "serverAuth"
            case .clientAuth: "clientAuth"
            case .any: "any"
            default: "other"
            }
        }
        hosts = ((try? certificate.hostNames()) ?? []).map(\.text)
    }

    /// Reads a PEM file.
    public init(path: String) throws {
        self.init(try PEM.certificate(PEM.read(path, as: "certificate"), source: path))
    }

    /// Whole days until the certificate ends, negative when it ended.
    public func daysLeft(at now: Date = Date()) -> Int {
        Self.daysLeft(until: notAfter, at: now)
    }

    /// A sentence for the log when fewer than ``warningDays`` days are left or the certificate is not valid now.
    public func warning(at now: Date = Date()) -> String? {
        Self.warning(of: identity?.name ?? subject, notBefore: notBefore, notAfter: notAfter, at: now)
    }

    /// Whole days from `now` until `notAfter`, rounded down.
    public static func daysLeft(until notAfter: Date, at now: Date = Date()) -> Int {
        Int((notAfter.timeIntervalSince(now) / 86_400).rounded(.down))
    }

    /// The sentence of ``warning(at:)`` for dates that come from elsewhere, such as a client's hello.
    public static func warning(of name: String, notBefore: Date? = nil, notAfter: Date, at now: Date = Date())
        -> String?
    {
        let renewal = "renew it with: tributary provision FILE --output DIR --renew \(name)"
        if let notBefore, now < notBefore {
            return
                "the certificate of \(name) is not valid before \(Timestamp.text(notBefore)): check this machine's clock"
        }
        if now > notAfter {
            return "the certificate of \(name) ended on \(Timestamp.text(notAfter)): \(renewal)"
        }
        let days = daysLeft(until: notAfter, at: now)
        guard days < warningDays else { return nil }
        let left = days == 0 ? "in less than a day" : days == 1 ? "in 1 day" : "in \(days) days"
        return "the certificate of \(name) ends \(left), on \(Timestamp.text(notAfter)): \(renewal)"
    }
}
