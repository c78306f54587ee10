import Durability
import Foundation
import Jobs

/// What protects this client in a job. It is noted with the first task and holds for all the others: masks are worth nothing when the
/// same training is asked for without them afterwards.
struct JobProtection: Sendable, Hashable, Codable {
    var secureAggregation: Settings
    var privacy: Settings
    var reportFigures: ReportedFigures?

    init(_ specification: JobSpecification) {
        secureAggregation = specification.secureAggregation
        privacy = specification.privacy
        reportFigures = specification.reportFigures
    }

    /// Notes the protection of a job in its working folder, or compares it with what was noted there.
    ///
    /// - Throws: ``SiteRules/Refusal`` when it is another than before; errors of the disk.
    func hold(in work: String) throws {
        let path = "\(work)/protection.json"
        let fileSystem = PosixFileSystem()
        guard try fileSystem.exists(path) else {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            return try DurableFile.write(Array(try encoder.encode(self)), to: path, fileSystem: fileSystem)
        }
        let noted = try? JSONDecoder().decode(
            JobProtection.self, from: Data(fileSystem.read(path, limit: JobSpecification.maximumBytes)))
        guard noted == self else {
            throw SiteRules.Refusal(
                code: "protection",
                reason:
                    "the task asks for another secureAggregation, privacy or reportFigures than earlier tasks of its job"
            )
        }
    }
}
