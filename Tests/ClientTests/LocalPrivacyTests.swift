import Durability
import Foundation
import Jobs
import Privacy
import Synchronization
import TestSupport
import Testing
import Weights
import Wire
import WireMessages

@testable import Client

/// A daemon's own noise: what leaves the site, and what lies on its disk until then.
@Suite(.enabled(if: ScriptedTrainer.isAvailable, "python3 is not installed"), .timeLimit(.minutes(10)))
struct LocalPrivacyTests {
    private static let clipNorm = 2.0
    private static let multiplier = 0.5

    private static var job: JobSpecification {
        var job = TestSite.specification
        job.privacy = [
            "mechanism": "local", "clipNorm": .double(clipNorm), "noiseMultiplier": .double(multiplier), "delta": 1e-5,
        ]
        return job
    }

    /// Whether a file holds some of the plain update's numbers as they are.
    private func holdsPlainValues(_ bytes: Data, of weights: Weights) throws -> Bool {
        let values = try weights.floats("weight")
        return stride(from: 100, to: values.count - 4, by: 500).contains { start in
            let part = values[start..<start + 4].withUnsafeBytes { Data($0) }
            return bytes.range(of: part) != nil
        }
    }

    private func outbox(_ site: TestSite) throws -> [String: Data] {
        let folder = site.folder.file("state/outbox")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        return try Dictionary(
            uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)"))) })
    }

    @Test("The upload is clipped and noised, plain values never lie in the outbox, and noise repeats after a restart")
    func daemon() async throws {
        let site = try TestSite(values: 4000)
        site.coordinator.state.withLock { state in
            state.tasks = [try! site.task(0, specification: Self.job)]
            // Nothing gets through: the outbox keeps the update.
            state.brokenUploads = .max
        }
        try await site.running(try site.daemon()) {
            try await eventually("no update") { site.coordinator.state.withLock { !$0.headers.isEmpty } }
        }
        let waiting = try outbox(site)
        let update = try #require(waiting.values.first { $0.count > 16_000 })
        for (name, content) in waiting { #expect(try !holdsPlainValues(content, of: site.weights), "\(name)") }
        #expect(try holdsPlainValues(site.blob, of: site.weights), "the search finds what is there")

        // What was kept is what is sent after a restart.
        site.coordinator.state.withLock { $0.brokenUploads = 0 }
        try await site.running(try site.daemon()) { try await site.uploaded() }
        let sent = try #require(site.coordinator.state.withLock { $0.uploads.first?.value })
        #expect(sent == update)
        #expect(site.trainings == ["0"])

        // Clipped to C and noised by σC in every element.
        let protected = try Safetensors.decode([UInt8](sent))
        let factor = Float(Self.clipNorm / site.weights.norm)
        #expect(site.weights.norm > 1000 * Self.clipNorm)
        let noise = try zip(protected.floats("weight"), site.weights.floats("weight")).map { Double($0 - $1 * factor) }
        let mean = noise.reduce(0, +) / Double(noise.count)
        let variance = noise.reduce(0) { $0 + $1 * $1 } / Double(noise.count)
        let expected = Self.clipNorm * Self.multiplier
        #expect(abs(mean) < 5 * expected / Double(noise.count).squareRoot())
        #expect(abs(variance / (expected * expected) - 1) < 5 * (2 / Double(noise.count)).squareRoot())

        // Trained again from nothing but the state folder, as after a lost outbox: the same noise.
        site.coordinator.state.withLock { $0.uploads = [:] }
        try await site.running(try site.daemon()) { try await site.uploaded() }
        #expect(site.trainings == ["0", "0"])
        #expect(site.coordinator.state.withLock { $0.uploads.first?.value } == sent)
        let key = site.folder.file("state/privacy.key")
        let attributes = try FileManager.default.attributesOfItem(atPath: key)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)

        // Another secret and another round are other noise.
        site.coordinator.state.withLock { $0.tasks = [try! site.task(1, specification: Self.job)] }
        try await site.running(try site.daemon()) { try await site.uploaded(2) }
        try FileManager.default.removeItem(atPath: key)
        site.coordinator.state.withLock { $0.tasks = [try! site.task(2, specification: Self.job)] }
        try await site.running(try site.daemon()) { try await site.uploaded(3) }
        #expect(Set(site.coordinator.state.withLock { $0.uploads.values.map { $0 } }).count == 3)
    }

    @Test("With local noise another update of the same task has other noise, and the same update the same")
    func addressed() throws {
        let site = try TestSite(values: 500)
        let folder = try StateFolder(site.folder.file("state"))
        let task = try TaskIdentity(site.task(0).identity)
        func noised(_ first: Float, _ name: String) throws -> [Float] {
            let values = try [first] + site.weights.floats("weight").dropFirst()
            let update = try Weights([(name: "weight", shape: [500], values: values)])
            let file = try SafetensorsFile(path: site.folder.write(Safetensors.encode(update), to: name))
            let noise = try #require(try UpdateProtection.of(Self.job, task: task, folder: folder))
                .noise(file, schema: update.schema)
            var result = values
            result.withUnsafeMutableBufferPointer { noise.apply(tensor: 0, start: 0, to: $0) }
            return result
        }
        let first = try noised(0, "first.safetensors")
        #expect(try noised(0, "again.safetensors") == first)
        #expect(zip(first, try noised(0.001, "other.safetensors")).count { abs($0 - $1) < 1e-4 } < 10)
    }

    @Test("With distributed noise a task's words come from the site's secret and are the same after a restart")
    func distributed() throws {
        let site = try TestSite(values: 500)
        var job = TestSite.specification
        job.clients = .init(minimum: 10, minimumUpdates: 7)
        job.privacy = ["mechanism": "distributed", "noiseMultiplier": 2, "delta": 1e-5]
        job.secureAggregation = ["threshold": 0.6]
        let path = try site.folder.write([UInt8](site.blob), to: "update.safetensors")
        let file = try SafetensorsFile(path: path)
        let folder = try StateFolder(site.folder.file("state"))
        func words(
            _ round: Int, _ job: JobSpecification, _ update: SafetensorsFile? = nil, _ weights: Weights? = nil
        ) throws -> [UInt32]? {
            let task = try TaskIdentity(site.task(UInt32(round)).identity)
            guard
                let noise = try DistributedProtection.noise(
                    job, task: task, folder: folder, file: update ?? file, schema: site.weights.schema)
            else { return nil }
            let masked = try MaskedUpdate.masked(
                weights ?? site.weights, as: noise.gaussian.encoding, with: [], noise: noise)
            return try masked.words.withUnsafeBytes(of: "weight") { Array($0.bindMemory(to: UInt32.self)) }
        }
        let first = try #require(try words(0, job))
        #expect(try words(0, job) == first)
        #expect(try words(1, job) != first)
        // Another update of the same task, nearly the same, has other noise everywhere: the difference of two sums says nothing.
        let near = try Weights([
            (name: "weight", shape: [500], values: [0.001] + site.weights.floats("weight").dropFirst()),
            (name: "bias", shape: [2], values: site.weights.floats("bias")),
        ])
        let other = try SafetensorsFile(
            path: site.folder.write(Safetensors.encode(near), to: "near.safetensors"))
        let changed = try #require(try words(0, job, other, near))
        #expect(zip(first, changed).count { $0 == $1 } < 10)
        let numbers = try #require(try DistributedProtection.numbers(job, schema: site.weights.schema))
        #expect(numbers.contributors == 7 && numbers.parameters == 502)
        let factor = 1 / site.weights.norm
        let noise = try zip(first, site.weights.floats("weight")).map {
            numbers.encoding.decode($0) - Double($1) * factor
        }
        let variance = noise.reduce(0) { $0 + $1 * $1 } / 500
        // A seventh of (σC)².
        #expect(abs(variance * 7 / 4 - 1) < 5 * (2.0 / 500).squareRoot())
        var plain = job
        plain.privacy = [:]
        #expect(try words(0, plain) == nil)
    }
}
