public import X509

extension Certificate {
    /// The serial number in lower-case hexadecimal, as it stands in logs and in the revocation list.
    public var serialText: String {
        serialNumber.bytes.map { byte in
            let text = String(byte, radix: 16)
            return byte < 16 ? "0" + text : text
        }.joined()
    }

    /// The participant named by the certificate's only URI.
    ///
    /// - Throws: ``IdentityError`` when there is none, more than one, or one of another form.
    public func participantIdentity() throws -> ParticipantIdentity {
        guard let names = try extensions.subjectAlternativeNames else {
            throw IdentityError(.unreadable, "the certificate has no subject alternative name")
        }
        var uris: [String] = []
        for case .uniformResourceIdentifier(let uri) in names { uris.append(uri) }
        guard uris.count == 1 else {
            throw IdentityError(.unreadable, "the certificate has \(uris.count) URIs, expected one")
        }
        return try ParticipantIdentity(uri: uris[0])
    }

    /// The server names in the certificate.
    func hostNames() throws -> [HostName] {
        try extensions.subjectAlternativeNames?.compactMap { HostName($0) } ?? []
    }

    /// The organisation in the subject, if it is plain text.
    var organisation: String? {
        for relative in subject {
            for attribute in relative where attribute.type == .RDNAttributeType.organizationName {
                return String(attribute.value)
            }
        }
        return nil
    }
}
