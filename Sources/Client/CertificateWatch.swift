public import Identity
public import Logging
public import ServiceLifecycle

/// Warns at start and once a day when the client's certificate ends within 30 days.
public struct CertificateWatch: Service {
    private let files: IdentityFiles
    private let logger: Logger

    /// Watches a certificate.
    public init(files: IdentityFiles, logger: Logger) {
        self.files = files
        self.logger = logger
    }

    /// Runs until a graceful shutdown or a cancellation.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                if let warning = try? IdentityMaterial.load(files).expiryWarning() { logger.warning("\(warning)") }
                try? await Task.sleep(for: .seconds(86_400))
            }
        }
    }
}
