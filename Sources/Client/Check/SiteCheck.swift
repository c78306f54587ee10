import Configuration
import Durability
import Foundation
import Identity
public import Jobs
public import Logging
import Weights
import Wire

/// Goes through everything a site needs, from the certificate to the trainer, and says what is wrong and how to mend it.
public struct SiteCheck: Sendable {
    /// The configuration to check.
    public var configuration: ClientConfiguration
    /// The job whose model the trainer is asked for; nil for a softmax model.
    public var job: JobSpecification?
    /// Weights that the trainer's schema is compared with, a safetensors file; nil for none.
    public var weightsPath: String?
    private let logger: Logger

    /// Prepares a check.
    public init(
        _ configuration: ClientConfiguration, job: JobSpecification? = nil, weightsPath: String? = nil, logger: Logger
    ) {
        self.configuration = configuration
        self.job = job
        self.weightsPath = weightsPath
        self.logger = logger
    }

    /// Runs the checks in order and hands each result over as soon as it is there. Nothing is changed at the site but a
    /// scratch folder, and the session of a running daemon is left alone.
    ///
    /// - Returns: whether nothing failed.
    public func run(_ report: (CheckResult) -> Void) async -> Bool {
        var isFine = true
        func take(_ results: [CheckResult]) {
            for result in results {
                if result.status == .failed { isFine = false }
                report(result)
            }
        }
        take(identity())
        let network = NetworkCheck(configuration: configuration, logger: logger)
        take(await network.run(isDaemonRunning: isDaemonRunning))
        take(disk())
        let (catalogue, results) = data()
        take(results)
        take(await trainer(catalogue))
        return isFine
    }

    private func identity() -> [CheckResult] {
        let files = configuration.identity.files
        do {
            let material = try IdentityMaterial.load(files)
            let problems = material.problems(as: .client, federation: configuration.federation)
            if problems.isEmpty {
                return [
                    CheckResult(
                        "identity", .ok, "\(material.identity.uri), certificate valid for \(material.daysLeft) days")
                ]
            }
            // Fewer than 30 days is the one problem with which the certificate still works.
            let isUsable = problems.count == 1 && material.daysLeft > 0 && problems[0] == material.expiryWarning()
            return problems.map {
                CheckResult(
                    "identity", isUsable ? .warning : .failed, $0,
                    remedy: "ask the federation for a certificate (`tributary provision --renew NAME`) and put it at "
                        + files.certificate)
            }
        } catch {
            return [
                CheckResult(
                    "identity", .failed, "\(error)",
                    remedy:
                        "copy ca.pem, certificate.pem and key.pem of this site from `tributary provision` to the paths "
                        + "under `identity`")
            ]
        }
    }

    /// A daemon holds the lock of the state folder.
    private var isDaemonRunning: Bool {
        let path = configuration.state.path + "/lock"
        guard FileManager.default.fileExists(atPath: path) else { return false }
        do {
            try InstanceLock(path: path, patience: .zero).release()
            return false
        } catch let error as DurabilityError {
            return error.code == .locked
        } catch {
            return false
        }
    }

    private func disk() -> [CheckResult] {
        let path = configuration.state.path
        let fileSystem = PosixFileSystem()
        do {
            try fileSystem.makeDirectory(path)
            let probe = path + "/.check"
            try DurableFile.write("check\n", to: probe, fileSystem: fileSystem)
            try DurableFile.remove(probe, fileSystem: fileSystem)
            let free = try fileSystem.freeBytes(at: path)
            let text = "\(free >> 20) MiB free at \(path)"
            if free < 100 << 20 {
                return [
                    CheckResult("disk", .failed, text, remedy: "make room: 1 GiB at least, several times the model")
                ]
            }
            if free < 1 << 30 {
                return [
                    CheckResult("disk", .warning, text, remedy: "make room: 1 GiB at least, several times the model")
                ]
            }
            return [CheckResult("disk", .ok, text)]
        } catch {
            return [
                CheckResult(
                    "disk", .failed, "\(error)",
                    remedy: "make \(path) a folder that this user may write, or set `state`")
            ]
        }
    }

    private func data() -> (SiteCatalogue?, [CheckResult]) {
        guard !configuration.data.isEmpty else {
            let remedy = "name a site folder under `data`; Deploy/examples/make_site.py makes one from arrays"
            return (nil, [CheckResult("data", .warning, "no data is offered", remedy: remedy)])
        }
        do {
            let catalogue = try SiteCatalogue(folders: configuration.data.map(\.path.path))
            let results = catalogue.entries.map { entry in
                let splits = entry.card.examples.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                return CheckResult(
                    "data", .ok,
                    "\(entry.card.name): \(splits.joined(separator: ", ")) examples, \(entry.card.classes) classes")
            }
            let missing = catalogue.entries.flatMap(\.missingFiles).map { file in
                CheckResult("data", .failed, "\(file) is not there", remedy: "write the folder again, site.json last")
            }
            return (catalogue, results + missing)
        } catch {
            return (
                nil,
                [CheckResult("data", .failed, "\(error)", remedy: "write the folder with Deploy/examples/make_site.py")]
            )
        }
    }

    private func trainer(_ catalogue: SiteCatalogue?) async -> [CheckResult] {
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tributary-check-\(UUID().uuidString)", isDirectory: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        do {
            let limits = try configuration.trainer.configuration(relativeTo: configuration.folder)
            try FileManager.default.createDirectory(
                at: scratch, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let process = try TrainerProcess.start(limits, folder: scratch.path, logger: logger)
            let entry = job.map { catalogue?.entry($0.data) } ?? catalogue?.entries.first
            let answer: TrainerReply.Hello
            do {
                answer = try await process.greet(
                    TrainerRequest.Hello(
                        job: "check", client: "check", clientIndex: clientIndex("check"), seed: job?.seed ?? 1,
                        threads: limits.threads, model: job?.model ?? ["name": "softmax"], strategy: job?.strategy,
                        corruption: job?.corruption,
                        data: entry.map { TrainerRequest.DataFolder(name: $0.card.name, path: $0.path) }))
                await process.end()
            } catch {
                await process.end(patience: .zero)
                throw error
            }
            let libraries = answer.libraries.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            let text = ([answer.trainer] + libraries).joined(separator: ", ")
            return [CheckResult("trainer", .ok, "\(text), \(process.peakResidentBytes >> 20) MiB")]
                + schema(answer.schema)
        } catch let error as ClientError where error.message.contains("refuses the job") && job == nil {
            return [
                CheckResult(
                    "trainer", .warning, "it starts, and does not take the softmax model: \(error.message)",
                    remedy: "give the job file it is meant for: --job FILE")
            ]
        } catch {
            return [
                CheckResult(
                    "trainer", .failed, "\(error)",
                    remedy:
                        "run the command under `trainer.command` by hand; it has to answer a hello line, see the trainer "
                        + "contract in the documentation")
            ]
        }
    }

    private func schema(_ found: String) -> [CheckResult] {
        guard let weightsPath else {
            return [CheckResult("schema", .ok, "the model's weights have the schema \(found)")]
        }
        do {
            let expected = try AuxiliaryTensors.modelSchema(of: SafetensorsFile(path: weightsPath).schema).digest
            if expected == found {
                return [CheckResult("schema", .ok, "the trainer's weights are those of \(weightsPath)")]
            }
            return [
                CheckResult(
                    "schema", .failed,
                    "the trainer makes weights of the schema \(found), \(weightsPath) has \(expected)",
                    remedy: "use the same model settings and the same version of the trainer as the job")
            ]
        } catch {
            return [CheckResult("schema", .failed, "\(error)", remedy: "give a safetensors file")]
        }
    }
}
