internal import Foundation
public import Privacy
internal import SwiftProtobuf
public import WireMessages

/// A client's keys with the certificate that says whose they are.
public struct CertifiedKeys: Sendable, Hashable {
    /// The keys.
    public var keys: KeyAdvertisement
    /// The client's certificate in DER.
    public var certificate: [UInt8]

    /// Keys with their certificate.
    public init(keys: KeyAdvertisement, certificate: [UInt8]) {
        self.keys = keys
        self.certificate = certificate
    }
}

/// What the coordinator asks of a client in a round with secure aggregation: a checked `SecureRequest`.
public enum SecureRequest: Sendable, Hashable {
    /// The steps in their order.
    public enum Step: Int, Sendable, Hashable {
        case invitation, roster, check, boxes, survivors, signatures, end
    }

    /// Make keys for a round of so many clients.
    case invitation(cohort: Int)
    /// Check everybody's keys and share the own secrets.
    case roster([CertifiedKeys])
    /// The shares for this client: say which cannot be opened.
    case check([SealedShare])
    /// The shares for this client of those who take part: mask and upload.
    case boxes([SealedShare])
    /// Sign the list of those whose update arrived.
    case survivors([String])
    /// Give the shares that take the masks off, and for a seed the random sums of the masks.
    case signatures([SurvivorSignature], seed: [UInt8]? = nil)
    /// Forget the exchange.
    case end(reason: String)

    /// Which step it is.
    public var step: Step {
        switch self {
        case .invitation: .invitation
        case .roster: .roster
        case .check: .check
        case .boxes: .boxes
        case .survivors: .survivors
        case .signatures: .signatures
        case .end: .end
        }
    }

    /// Reads a coordinator's message.
    ///
    /// - Parameter client: who received it.
    /// - Returns: nil for a step of a later version.
    /// - Throws: ``WireError`` naming the field: a size that is not one of ``SecureLimits``, a client twice.
    public init?(_ message: Tributary_V1_SecureRequest, to client: String) throws {
        switch message.step {
        case .invitation(let invitation):
            guard (2...SecureLimits.cohort).contains(Int(invitation.cohort)) else {
                throw WireError(
                    .invalidMessage,
                    "invitation.cohort: found \(invitation.cohort), expected 2 to \(SecureLimits.cohort)")
            }
            self = .invitation(cohort: Int(invitation.cohort))
        case .roster(let roster):
            try SecureCheck.clients(roster.clients.map(\.client), "roster.clients")
            self = .roster(
                try roster.clients.map { entry in
                    try SecureCheck.bytes(
                        entry.certificate.count, "roster.certificate", atMost: SecureLimits.certificateBytes)
                    return CertifiedKeys(
                        keys: try KeyAdvertisement(entry, of: entry.client), certificate: Array(entry.certificate))
                })
        case .check(let boxes): self = .check(try boxes.shares(for: client))
        case .boxes(let boxes): self = .boxes(try boxes.shares(for: client))
        case .survivors(let list):
            try SecureCheck.clients(list.clients, "survivors.clients")
            self = .survivors(list.clients)
        case .signatures(let list):
            try SecureCheck.clients(list.signatures.map(\.client), "signatures.client")
            let seed = list.projectionSeed
            if !seed.isEmpty { try SecureCheck.bytes(seed.count, "signatures.projection_seed") }
            self = .signatures(
                try list.signatures.map { entry in
                    try SecureCheck.bytes(
                        entry.signature.count, "signatures.signature", atMost: SecureLimits.signatureBytes)
                    return SurvivorSignature(client: entry.client, signature: Array(entry.signature))
                }, seed: seed.isEmpty ? nil : Array(seed))
        case .end(let end):
            self = .end(reason: FieldCheck.text(end.reason))
        case nil:
            return nil
        }
    }

    /// The request as a message.
    public func message(_ identity: TaskIdentity) -> Tributary_V1_SecureRequest {
        var message = Tributary_V1_SecureRequest()
        message.identity = identity.message
        switch self {
        case .invitation(let cohort): message.invitation.cohort = UInt32(clamping: cohort)
        case .roster(let entries):
            message.roster.clients = entries.map { entry in
                var keys = entry.keys.message
                keys.client = entry.keys.client
                keys.certificate = Data(entry.certificate)
                return keys
            }
        case .check(let shares): message.check = .of(shares.map { ($0.sender, $0.box) })
        case .boxes(let shares): message.boxes = .of(shares.map { ($0.sender, $0.box) })
        case .survivors(let clients): message.survivors.clients = clients
        case .signatures(let signatures, let seed):
            message.signatures.projectionSeed = Data(seed ?? [])
            message.signatures.signatures = signatures.map { entry in
                .with {
                    $0.client = entry.client
                    $0.signature = Data(entry.signature)
                }
            }
        case .end(let reason): message.end.reason = reason
        }
        return message
    }
}

extension KeyAdvertisement {
    /// Reads the keys of a client.
    init(_ message: Tributary_V1_SecureKeys, of client: String) throws {
        try SecureCheck.bytes(message.channelKey.count, "keys.channel_key")
        try SecureCheck.bytes(message.maskKey.count, "keys.mask_key")
        try SecureCheck.bytes(message.commitment.count, "keys.commitment")
        try SecureCheck.bytes(message.signature.count, "keys.signature", atMost: SecureLimits.signatureBytes)
        self.init(
            client: client, channelKey: Array(message.channelKey), maskKey: Array(message.maskKey),
            commitment: Array(message.commitment), signature: Array(message.signature))
    }

    /// The keys without the client's name.
    var message: Tributary_V1_SecureKeys {
        .with {
            $0.channelKey = Data(channelKey)
            $0.maskKey = Data(maskKey)
            $0.commitment = Data(commitment)
            $0.signature = Data(signature)
        }
    }
}

extension Tributary_V1_SecureBoxes {
    static func of(_ boxes: [(client: String, box: [UInt8])]) -> Tributary_V1_SecureBoxes {
        .with {
            $0.boxes = boxes.map { entry in
                .with {
                    $0.client = entry.client
                    $0.box = Data(entry.box)
                }
            }
        }
    }

    func shares(for recipient: String) throws -> [SealedShare] {
        try checked().map { SealedShare(sender: $0.client, recipient: recipient, box: Array($0.box)) }
    }

    func checked() throws -> [Tributary_V1_SecureBox] {
        try SecureCheck.clients(boxes.map(\.client), "boxes.client")
        for entry in boxes { try SecureCheck.bytes(entry.box.count, "boxes.box", atMost: SecureLimits.boxBytes) }
        return boxes
    }
}
