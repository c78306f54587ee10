import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What happens when the code reaches a ``CrashPoint``: normally nothing.
///
/// In a process, ``fromEnvironment`` ends it with SIGKILL at the point named by TRIBUTARY_CRASH_POINT. In a test, a
/// handler throws instead and the test goes on with what a lossy file system kept.
public struct CrashPoints: Sendable {
    /// The environment variable: `name` or `name@N` (the N-th time the point is reached, from 1).
    public static let variable = "TRIBUTARY_CRASH_POINT"

    /// Nothing ever happens.
    public static let none = CrashPoints(optionalHandler: nil)

    /// Follows TRIBUTARY_CRASH_POINT as it was when first asked. A value that makes no sense is named on standard error
    /// and ignored; ``parsing(_:crash:)`` tells it as an error.
    public static let fromEnvironment: CrashPoints = {
        guard let raw = getenv(variable) else { return .none }
        do {
            return try parsing(String(cString: raw)) { _ in
                kill(getpid(), SIGKILL)
                // The signal cannot be caught; wait for it and do not run on.
                while true { pause() }
            }
        } catch {
            let line = Array("\(error)\n".utf8)
            _ = write(STDERR_FILENO, line, line.count)
            return .none
        }
    }()

    private let handler: (@Sendable (CrashPoint) throws -> Void)?

    private init(optionalHandler: (@Sendable (CrashPoint) throws -> Void)?) {
        handler = optionalHandler
    }

    /// Calls `handler` at every point; what it throws stops the code there.
    public init(handler: @escaping @Sendable (CrashPoint) throws -> Void) {
        self.handler = handler
    }

    /// Says that the code is at a point. Without a handler it costs one load.
    @inline(__always)
    public func reached(_ point: CrashPoint) throws {
        if let handler { try handler(point) }
    }

    /// Calls `crash` when the point that `text` names is reached for the N-th time, and only then.
    ///
    /// - Parameters:
    ///   - text: `name` or `name@N`; empty means no point.
    ///   - crash: what to do there.
    /// - Throws: ``DurabilityError`` (`invalidArgument`) when the name is none of ``CrashPoint/coordinator``,
    ///   ``CrashPoint/client`` and ``CrashPoint/secureAggregation``, or N is not a whole number from 1.
    public static func parsing(
        _ text: String,
        crash: @escaping @Sendable (CrashPoint) throws -> Void
    ) throws -> CrashPoints {
        if text.isEmpty { return .none }
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let target = CrashPoint(rawValue: String(parts[0]))
        let known = CrashPoint.coordinator + CrashPoint.client + CrashPoint.secureAggregation
        guard known.contains(target) else {
            let names = known.map(\.rawValue).joined(separator: ", ")
            throw DurabilityError(.invalidArgument, "\(variable)=\(text): unknown point; known are \(names)")
        }
        var occurrence = 1
        if parts.count == 2 {
            guard let number = Int(parts[1]), number >= 1 else {
                throw DurabilityError(
                    .invalidArgument,
                    "\(variable)=\(text): after @ must come a whole number from 1"
                )
            }
            occurrence = number
        }
        let count = Counter(occurrence)
        return CrashPoints { point in
            if point == target && count.reachesZero() { try crash(point) }
        }
    }

    /// Counts down once per call.
    private final class Counter: Sendable {
        private let left: Mutex<Int>

        init(_ count: Int) {
            left = Mutex(count)
        }

        func reachesZero() -> Bool {
            left.withLock { left in
                left -= 1
                return left == 0
            }
        }
    }
}
