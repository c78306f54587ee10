internal import Durability
internal import GRPCCore
internal import SwiftProtobuf
internal import WireMessages

/// Streams the complete lines of the audit log as they stand in the file when it is asked.
struct AuditReader: Sendable {
    private static let block = 64 << 10
    /// No line is longer: one that is shows a damaged file.
    private static let longestLine = 1 << 20

    let path: String

    /// Sends line by line.
    func send(_ response: RPCWriter<Tributary_V1_AuditLine>) async throws {
        try await withBlockingWork {
            let file = try PosixFileSystem().open(path, .read)
            defer { file.close() }
            let size = try file.size()
            var position: Int64 = 0
            var rest: [UInt8] = []
            while position < size {
                let count = Int(min(Int64(Self.block), size - position))
                rest += try file.read(at: position, count: count)
                position += Int64(count)
                var start = rest.startIndex
                while let end = rest[start...].firstIndex(of: 0x0A) {
                    try await response.write(.with { $0.json = String(decoding: rest[start..<end], as: UTF8.self) })
                    start = end + 1
                }
                rest.removeSubrange(..<start)
                guard rest.count <= Self.longestLine else {
                    throw CoordinatorError(.corrupt, "the audit log has a line of more than \(Self.longestLine) bytes")
                }
            }
        }
    }
}
