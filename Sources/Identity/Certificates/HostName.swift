internal import SwiftASN1
internal import X509

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A server's name as it stands in a certificate: a DNS name or an IP address.
///
/// Matching is exact (case and a trailing dot aside): the federation's CA issues no wildcards.
enum HostName: Hashable, Sendable {
    case dns(String)
    case address([UInt8])

    /// - Throws: ``IdentityError`` `invalidArgument` for what is neither a DNS name nor an IPv4 or IPv6 address.
    init(_ text: String) throws {
        if let address = Self.addressBytes(text) {
            self = .address(address)
            return
        }
        let name = Self.normalised(text)
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        let isLabel = { (label: Substring) in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { byte in
                    (97...122).contains(byte) || (48...57).contains(byte) || byte == UInt8(ascii: "-")
                        || byte == UInt8(ascii: "_")
                }
        }
        guard name.utf8.count <= 253, !labels.isEmpty, labels.allSatisfy(isLabel) else {
            throw IdentityError(.invalidArgument, "host \"\(text.prefix(80))\" is neither a DNS name nor an IP address")
        }
        self = .dns(name)
    }

    init?(_ name: GeneralName) {
        switch name {
        case .dnsName(let name): self = .dns(Self.normalised(name))
        case .ipAddress(let octets): self = .address(Array(octets.bytes))
        default: return nil
        }
    }

    var generalName: GeneralName {
        switch self {
        case .dns(let name): .dnsName(name)
        case .address(let bytes): .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
        }
    }

    var text: String {
        switch self {
        case .dns(let name): return name
        case .address(let bytes):
            if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
            var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            guard bytes.count == 16, inet_ntop(AF_INET6, bytes, &buffer, socklen_t(buffer.count)) != nil else {
                return "invalid address"
            }
            return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }

    private static func normalised(_ name: String) -> String {
        let name = name.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }

    private static func addressBytes(_ text: String) -> [UInt8]? {
        var four = [UInt8](repeating: 0, count: 4)
        if inet_pton(AF_INET, text, &four) == 1 { return four }
        var sixteen = [UInt8](repeating: 0, count: 16)
        return inet_pton(AF_INET6, text, &sixteen) == 1 ? sixteen : nil
    }
}
