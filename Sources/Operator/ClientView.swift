public import Foundation
public import WireMessages

/// One client, as `--json` prints it.
public struct ClientView: Codable, Sendable, Equatable {
    /// The name in its certificate.
    public var name: String
    /// connected, away or revoked.
    public var state: String
    /// What it works on; empty when idle.
    public var activity: String
    /// Whole days until its certificate ends; negative when it has ended, absent when it was never seen.
    public var certificateDaysLeft: Int?
    /// When it was last heard of.
    public var lastSeen: Date?
    /// Its data sets with the examples of each split.
    public var datasets: [String: [String: Int]]
    /// The client software and version.
    public var software: String
    /// Why it is revoked.
    public var reason: String

    /// Reads the wire form; days are counted from `now`.
    public init(_ summary: Tributary_V1_ClientSummary, now: Date = Date()) {
        name = summary.name
        state = summary.state
        activity = summary.activity
        if summary.certificateEndsMilliseconds > 0 {
            let ends = Date(milliseconds: summary.certificateEndsMilliseconds)
            certificateDaysLeft = Int((ends.timeIntervalSince(now) / 86_400).rounded(.down))
        }
        if summary.lastSeenMilliseconds > 0 { lastSeen = Date(milliseconds: summary.lastSeenMilliseconds) }
        datasets = Dictionary(
            summary.datasets.map { ($0.name, $0.examples.mapValues { Int(clamping: $0) }) },
            uniquingKeysWith: { first, _ in first }
        )
        software = summary.software
        reason = summary.reason
    }
}
