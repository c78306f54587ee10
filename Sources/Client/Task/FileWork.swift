import Dispatch

/// Runs blocking work on the disk, and long work on bytes, outside the cooperative pool.
enum FileWork {
    private static let queue = DispatchQueue(label: "tributary.client.files", attributes: .concurrent)

    static func run<R: Sendable>(_ body: @Sendable @escaping () throws -> R) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: body)) }
        }
    }
}
