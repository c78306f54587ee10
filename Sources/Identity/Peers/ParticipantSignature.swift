internal import Foundation
internal import SwiftASN1
public import X509

/// Signatures that participants give each other past the coordinator, with the private keys of their certificates.
///
/// ECDSA over SHA-256 with the P-256 keys that `tributary provision` makes. What is signed begins with a text of its own,
/// so that no signature of a TLS handshake (which begins with spaces or with a handshake message) can stand for one.
public enum ParticipantSignature {
    static let algorithm = Certificate.SignatureAlgorithm.ecdsaWithSHA256
    static let prefix = Array("tributary participant signature 1\0".utf8)

    /// Whether the holder of a certificate signed a message. Says nothing of the certificate: see
    /// ``PeerVerifier/init(peersOf:)``.
    public static func isValid(_ signature: [UInt8], of message: [UInt8], by certificate: Certificate) -> Bool {
        certificate.publicKey.isValidSignature(signature, for: prefix + message, signatureAlgorithm: algorithm)
    }
}

/// Signs as one participant.
public struct ParticipantSigner: Sendable {
    /// Who signs.
    public let identity: ParticipantIdentity
    private let key: Certificate.PrivateKey

    /// The signer of loaded material.
    ///
    /// - Throws: ``IdentityError`` `unreadable` when the key cannot be used.
    public init(_ material: IdentityMaterial) throws {
        identity = material.identity
        key = try PEM.key(String(decoding: material.keyPEM, as: UTF8.self), source: material.files.key)
    }

    /// Signs a message.
    ///
    /// - Throws: when the key is none of an elliptic curve.
    public func sign(_ message: [UInt8]) throws -> [UInt8] {
        try key.sign(bytes: ParticipantSignature.prefix + message, signatureAlgorithm: ParticipantSignature.algorithm)
            .rawRepresentation
    }
}

extension Certificate {
    /// Reads a certificate from DER.
    ///
    /// - Throws: ``IdentityError`` `unreadable`.
    public init(participantDER bytes: [UInt8]) throws {
        do {
            try self.init(derEncoded: bytes)
        } catch {
            throw IdentityError(.unreadable, "the bytes are not a certificate in DER form", cause: error)
        }
    }

    /// The certificate in DER.
    public func participantDER() throws -> [UInt8] {
        var serializer = DER.Serializer()
        try serializer.serialize(self)
        return serializer.serializedBytes
    }
}
