internal import Foundation
public import Privacy
internal import SwiftProtobuf
public import WireMessages

/// A client's step in a round with secure aggregation: a checked `SecureAnswer`.
public enum SecureAnswer: Sendable, Hashable {
    /// The client's public keys.
    case keys(KeyAdvertisement)
    /// The client's secrets, shared.
    case boxes([SealedShare])
    /// Whose shares cannot be opened.
    case complaints([String])
    /// The signature of the list of arrived updates.
    case signature(SurvivorSignature)
    /// What takes the masks off.
    case shares(UnmaskingShares)

    /// What it is, in a word.
    public var name: String {
        switch self {
        case .keys: "keys"
        case .boxes: "shares"
        case .complaints: "complaints"
        case .signature: "signature"
        case .shares: "unmasking shares"
        }
    }

    /// Reads a client's message.
    ///
    /// - Parameter client: whose session it came on.
    /// - Returns: nil for a step of a later version.
    /// - Throws: ``WireError`` naming the field: a size that is not one of ``SecureLimits``, a client twice, keys in the
    ///   name of another client.
    public init?(_ message: Tributary_V1_SecureAnswer, of client: String) throws {
        switch message.step {
        case .keys(let keys):
            guard keys.client.isEmpty || keys.client == client else {
                throw WireError(.invalidMessage, "keys.client: found another client's name than the session's")
            }
            guard keys.certificate.isEmpty else {
                throw WireError(.invalidMessage, "keys.certificate: found one, expected that of the session alone")
            }
            self = .keys(try KeyAdvertisement(keys, of: client))
        case .boxes(let boxes):
            self = .boxes(
                try boxes.checked().map { SealedShare(sender: client, recipient: $0.client, box: Array($0.box)) })
        case .complaints(let complaints):
            try SecureCheck.clients(complaints.clients, "complaints.clients")
            self = .complaints(complaints.clients)
        case .signature(let signature):
            try SecureCheck.bytes(signature.count, "signature", atMost: SecureLimits.signatureBytes)
            self = .signature(SurvivorSignature(client: client, signature: Array(signature)))
        case .shares(let shares):
            self = .shares(
                UnmaskingShares(
                    client: client, seeds: try Self.table(shares.seeds, "shares.seeds"),
                    keys: try Self.table(shares.keys, "shares.keys"), projections: try Self.sums(shares.projections)))
        case nil:
            return nil
        }
    }

    /// The answer as a message.
    public func message(_ identity: TaskIdentity) -> Tributary_V1_SecureAnswer {
        var message = Tributary_V1_SecureAnswer()
        message.identity = identity.message
        switch self {
        case .keys(let keys): message.keys = keys.message
        case .boxes(let shares): message.boxes = .of(shares.map { ($0.recipient, $0.box) })
        case .complaints(let clients): message.complaints.clients = clients
        case .signature(let signature): message.signature = Data(signature.signature)
        case .shares(let shares):
            message.shares = .with {
                $0.seeds = Self.list(shares.seeds)
                $0.keys = Self.list(shares.keys)
                $0.projections = shares.projections.sorted { $0.key < $1.key }.map { name, sums in
                    .with {
                        $0.client = name
                        $0.sums = Data(sums.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } })
                    }
                }
            }
        }
        return message
    }

    private static func table(
        _ list: [Tributary_V1_SecureShare], _ field: String
    ) throws -> [String: SecretSharing.Share] {
        try SecureCheck.clients(list.map(\.client), field)
        var table: [String: SecretSharing.Share] = [:]
        for entry in list {
            guard let point = UInt8(exactly: entry.point), point > 0 else {
                throw WireError(.invalidMessage, "\(field).point: found \(entry.point), expected 1 to 255")
            }
            try SecureCheck.bytes(entry.share.count, "\(field).share")
            table[entry.client] = SecretSharing.Share(point: point, bytes: Array(entry.share))
        }
        return table
    }

    private static func sums(_ list: [Tributary_V1_SecureProjection]) throws -> [String: [UInt32]] {
        try SecureCheck.clients(list.map(\.client), "shares.projections.client")
        var table: [String: [UInt32]] = [:]
        for entry in list {
            try SecureCheck.bytes(entry.sums.count, "shares.projections.sums", atMost: SecureLimits.sumsBytes)
            guard entry.sums.count.isMultiple(of: 4) else {
                throw WireError(
                    .invalidMessage,
                    "shares.projections.sums: found \(entry.sums.count) bytes, expected words of 4 bytes")
            }
            table[entry.client] = entry.sums.withUnsafeBytes { bytes in
                stride(from: 0, to: bytes.count, by: 4).map {
                    UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self))
                }
            }
        }
        return table
    }

    private static func list(_ table: [String: SecretSharing.Share]) -> [Tributary_V1_SecureShare] {
        table.sorted { $0.key < $1.key }.map { name, share in
            .with {
                $0.client = name
                $0.point = UInt32(share.point)
                $0.share = Data(share.bytes)
            }
        }
    }
}
