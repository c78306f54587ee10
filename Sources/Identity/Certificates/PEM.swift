internal import Durability
internal import SwiftASN1
package import X509

/// PEM text to and from certificates and keys, with bounded reading and errors that name the file.
package enum PEM {
    /// No certificate or key of a participant comes near this, in bytes.
    static let fileLimit = 1 << 20

    /// A certificate as PEM, ending in a newline.
    package static func text(_ certificate: Certificate) throws -> String {
        try certificate.serializeAsPEM().pemString + "\n"
    }

    /// A private key as PEM (PKCS#8), ending in a newline.
    package static func text(_ key: Certificate.PrivateKey) throws -> String {
        try key.serializeAsPEM().pemString + "\n"
    }

    /// The first certificate in a text; `source` names it in errors.
    package static func certificate(_ text: String, source: String) throws -> Certificate {
        do {
            let documents = try PEMDocument.parseMultiple(pemString: text)
            guard let first = documents.first(where: { $0.discriminator == "CERTIFICATE" }) else {
                throw IdentityError(.unreadable, "\(source) holds no certificate (PEM block CERTIFICATE)")
            }
            return try Certificate(pemDocument: first)
        } catch let error as IdentityError {
            throw error
        } catch {
            throw IdentityError(.unreadable, "\(source) is not a certificate in PEM form", cause: error)
        }
    }

    /// The private key in a text; `source` names it in errors, which never show its content.
    package static func key(_ text: String, source: String) throws -> Certificate.PrivateKey {
        do {
            return try Certificate.PrivateKey(pemEncoded: text)
        } catch {
            throw IdentityError(.unreadable, "\(source) is not a private key in PEM form (PKCS#8 or SEC1)")
        }
    }

    static func read(_ path: String, as what: String, fileSystem: any FileSystem = PosixFileSystem()) throws -> String {
        do {
            return String(decoding: try fileSystem.read(path, limit: fileLimit), as: UTF8.self)
        } catch let error as DurabilityError where error.code == .notFound {
            throw IdentityError(.missingFile, "\(path): the \(what) is missing", cause: nil)
        } catch {
            throw IdentityError(.unreadable, "\(path): cannot read the \(what)", cause: error)
        }
    }
}
