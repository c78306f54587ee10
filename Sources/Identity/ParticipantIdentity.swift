/// Who a participant is: `tributary://<federation>/<role>/<name>` in the certificate's subject alternative names.
public struct ParticipantIdentity: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The federation's name.
    public let federation: String
    /// The role in it.
    public let role: Role
    /// The participant's name, unique in the federation.
    public let name: String

    static let scheme = "tributary://"

    /// An identity with checked names.
    ///
    /// - Throws: ``IdentityError`` `invalidArgument` when a name breaks the rule of ``isValidName(_:)``.
    public init(federation: String, role: Role, name: String) throws {
        try Self.validate(federation, as: "federation name")
        try Self.validate(name, as: "\(role) name")
        self.federation = federation
        self.role = role
        self.name = name
    }

    /// Reads the URI form; every deviation from it is an error.
    public init(uri: String) throws {
        let expected = "expected \(Self.scheme)<federation>/<role>/<name>"
        guard uri.utf8.count <= 256, uri.hasPrefix(Self.scheme) else {
            throw IdentityError(.invalidArgument, "identity \"\(uri.prefix(256))\": \(expected)")
        }
        let parts = uri.dropFirst(Self.scheme.count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3 else {
            throw IdentityError(.invalidArgument, "identity \"\(uri)\": found \(parts.count) parts, \(expected)")
        }
        guard let role = Role(rawValue: String(parts[1])) else {
            throw IdentityError(
                .invalidArgument,
                "identity \"\(uri)\": unknown role \"\(parts[1])\", expected coordinator, client or operator"
            )
        }
        try self.init(federation: String(parts[0]), role: role, name: String(parts[2]))
    }

    /// Decodes the URI form.
    public init(from decoder: any Decoder) throws {
        try self.init(uri: decoder.singleValueContainer().decode(String.self))
    }

    /// Encodes the URI form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(uri)
    }

    /// The form that stands in certificates.
    public var uri: String { "\(Self.scheme)\(federation)/\(role)/\(name)" }

    /// The URI.
    public var description: String { uri }

    /// Whether a name may be used: 1 to 63 of a-z, 0-9, `.` and `-`, the first one a letter or digit. So a name is also
    /// a safe file name.
    public static func isValidName(_ name: String) -> Bool {
        guard (1...63).contains(name.utf8.count), let first = name.utf8.first else { return false }
        let isPlain = { (byte: UInt8) in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        return isPlain(first)
            && name.utf8.allSatisfy { isPlain($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    static func validate(_ name: String, as what: String) throws {
        guard isValidName(name) else {
            throw IdentityError(
                .invalidArgument,
                "\(what) \"\(name.prefix(80))\": expected 1 to 63 characters of a-z, 0-9, \".\" and \"-\", starting with a "
                    + "letter or digit"
            )
        }
    }
}
