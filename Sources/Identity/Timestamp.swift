internal import Foundation

/// Instants as text: UTC, ISO 8601, seconds (certificates) or milliseconds (the audit log).
enum Timestamp {
    static func text(_ date: Date) -> String {
        date.formatted(.iso8601)
    }

    static func precise(_ date: Date) -> String {
        date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
