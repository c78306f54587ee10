/// What kept a load test from measuring.
public struct LoadTestError: Error, Sendable, CustomStringConvertible {
    /// What was being done, and what was found.
    public let description: String

    init(_ description: String) { self.description = description }
}
