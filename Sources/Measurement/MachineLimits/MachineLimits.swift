/// What this machine can do at most, measured in the same run as a figure that is held against it.
///
/// Each measure gives one value a repetition; the first, uncounted one warms up caches and clocks. Speeds are in GB/s
/// (10⁹ bytes a second), times in milliseconds.
public enum MachineLimits {
    /// GB/s of each of some repetitions that move `bytes`.
    static func speeds(bytes: Int, repetitions: Int, _ body: () throws -> Void) rethrows -> [Double] {
        try timed(repetitions: repetitions, body).map { Double(bytes) / 1e9 / max($0, 1e-9) }
    }
}

/// A call of the operating system that a measure needs failed.
public struct MeasurementError: Error, Sendable, CustomStringConvertible {
    /// The call, what it was about, and the system's reason.
    public let description: String

    /// An error with its sentence.
    public init(_ description: String) { self.description = description }
}
