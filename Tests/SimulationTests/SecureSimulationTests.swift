import Datasets
import Federation
import Foundation
import Jobs
import Privacy
import Synchronization
import TestSupport
import Testing
import Weights

@testable import Simulation

/// Jobs with secure aggregation in the simulator: the sum is the plain quantised one bit for bit, and nothing else is seen.
@Suite struct SecureSimulationTests {
    /// Twenty clients with a few windows each.
    private static func data() throws -> SimulationData {
        let generator = try SyntheticHAR(.init(seed: 8, subjects: 6, windowsPerActivity: 2))
        let people = generator.splitSubjects
        let train = try generator.dataset(subjects: people.train)
        let test = try generator.dataset(subjects: people.test)
        let clients = (0..<20).map { index in
            // Of different sizes: secure aggregation counts every update equally.
            VirtualClient(
                name: "site-\(index)", rows: (0..<(2 + index % 3)).map { (index * 2 + $0) % train.count },
                position: index)
        }
        return try SimulationData(train: train, clients: clients, heldOut: ["test": test.all])
    }

    private static func job(
        rounds: Int = 1, _ settings: Settings, minimumUpdates: Int = 12,
        change: (inout JobSpecification) -> Void = { _ in }
    ) -> JobSpecification {
        SimulationRunTests.job(rounds: rounds) {
            $0.clients = .init(minimum: 20, minimumUpdates: minimumUpdates)
            $0.secureAggregation = settings
            $0.training["learningRate"] = 0.2
            change(&$0)
        }
    }

    private func run(
        _ folder: TemporaryFolder, _ name: String, _ job: JobSpecification, workers: Int = 2, resumes: Bool = false,
        memory: Int = SimulationRun.Options.defaultMemoryBytes, stop: @escaping @Sendable () -> Bool = { false }
    ) throws -> SimulationRun {
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        return try SimulationRun(
            job, data: Self.data(),
            options: .init(
                output: folder.file(name), workers: workers, resumes: resumes, checkpointSeconds: 0, memoryBytes: memory
            ),
            stop: stop)
    }

    /// The plain update of every client in the first round.
    private func plainUpdates(_ run: SimulationRun) throws -> [String: Weights] {
        let global = try #require(run.weights[run.initialDigest])
        var plain: [String: Weights] = [:]
        for client in run.data.clients {
            let trained = try run.pool.submit { [data = run.data, encoded = run.encoded] in
                try $0.train(client, of: data, round: 0, global: global, sent: encoded)
            }.value()
            plain[client.name] = try trained.update.weights()
        }
        return plain
    }

    /// round(x · limit / range), limited, as the documentation says.
    private func quantised(_ value: Float, range: Double, bits: Int) -> (word: Int64, isLimited: Bool) {
        let limit = Double((1 << (bits - 1)) - 1)
        let whole = (Double(value) * (limit / range)).rounded(.toNearestOrEven)
        return (Int64(min(max(whole, -limit), limit)), abs(whole) > limit)
    }

    private static let dropOuts: [Settings] = [
        ["bits": 16, "range": 0.05, "dropAdvertise": 0.3, "threshold": 0.55],
        ["bits": 16, "range": 0.05, "dropShare": 0.3, "threshold": 0.55],
        ["bits": 12, "range": 0.01, "dropMask": 0.3, "threshold": 0.55],
        ["bits": 16, "range": 0.05, "dropSign": 0.3, "threshold": 0.55],
        ["bits": 16, "range": 0.05, "dropUnmask": 0.3, "threshold": 0.55],
        ["bits": 16, "range": 0.05, "dropMask": 0.2, "dropUnmask": 0.1, "threshold": 0.55, "degree": 16],
        ["bits": 16, "range": 0.05],
    ]

    @Test("With 30 % drop-outs the result is the plain quantised mean bit for bit", arguments: dropOuts)
    func plainMean(settings: Settings) throws {
        let folder = try TemporaryFolder()
        let job = Self.job(settings, minimumUpdates: 11)
        let first = try run(folder, "run", job)
        let plain = try plainUpdates(first)
        let initial = try #require(first.weights[first.initialDigest])
        let outcome = try first.run()
        let line = try #require(
            try SimulationStudy.lines(of: folder.file("run/metrics.jsonl")).first { $0.split == "train" })
        let lost = Set((line.refusals ?? [:]).keys)
        let survivors = plain.keys.filter { !lost.contains($0) }
        // Those who leave after their update came are in the sum all the same.
        let leavesEarly = settings.keys.contains { ["dropAdvertise", "dropShare", "dropMask"].contains($0) }
        #expect(lost.isEmpty != leavesEarly && survivors.count >= 11 && line.clients == survivors.count)
        let range = try #require(settings["range"]?.doubleValue)
        let bits = try #require(settings["bits"]?.intValue)
        var saturated = 0
        for spec in initial.schema.tensors {
            let before = try initial.floats(spec.name)
            var sums = [Int64](repeating: 0, count: before.count)
            for name in survivors {
                for (index, value) in try #require(plain[name]).floats(spec.name).enumerated() {
                    let (word, isLimited) = quantised(value, range: range, bits: bits)
                    sums[index] += word
                    if isLimited { saturated += 1 }
                }
            }
            let step = range / Double((1 << (bits - 1)) - 1)
            let expected = zip(before, sums).map { old, sum in
                Float(Double(old) + Double(sum) * step / Double(survivors.count))
            }
            #expect(try outcome.weights.floats(spec.name) == expected, "\(spec.name)")
        }
        #expect(line.saturated == saturated)
        if range == 0.01 { #expect(saturated > 0) }
    }

    @Test("Other secrets, other numbers of workers and an interruption give the same bits")
    func sameBits() throws {
        let folder = try TemporaryFolder()
        let job = Self.job(
            rounds: 3, ["range": 0.2, "threshold": 0.55, "dropShare": 0.05, "dropMask": 0.1, "dropSign": 0.1])
        let one = try run(folder, "one", job, workers: 1).run()
        let two = try run(folder, "two", job, workers: 2).run()
        #expect(one.isComplete && one.digest == two.digest)
        #expect(try folder.read("one/metrics.jsonl") == folder.read("two/metrics.jsonl"))
        let seen = Mutex(0)
        let first = try run(folder, "parts", job) {
            seen.withLock {
                $0 += 1
                return $0 > 30
            }
        }.run()
        #expect(!first.isComplete)
        let second = try run(folder, "parts", job, resumes: true).run()
        #expect(second.isComplete && second.digest == one.digest)
        #expect(try folder.read("parts/metrics.jsonl") == folder.read("one/metrics.jsonl"))
    }

    @Test("Too many drop-outs end the attempt with the reason, and the job when all attempts are used")
    func abort() throws {
        for (key, word) in [
            ("dropAdvertise", "sent keys"), ("dropMask", "of at least 18 updates"), ("dropUnmask", "are needed"),
        ] {
            let folder = try TemporaryFolder()
            let job = Self.job([key: 0.5, "threshold": 18], minimumUpdates: 18)
            let run = try run(folder, "run", job)
            let error = try #require(throws: SimulationError.self) { try run.run() }
            #expect("\(error)".contains("failed 3 times") && "\(error)".contains(word), "\(key): \(error)")
            #expect(run.weights.count == 1, "an attempt that ended leaves no weights")
            #expect(run.aborts.count == 3)
        }
    }

    @Test("An attempt that ended is tried again, and its reason is in the figures")
    func retry() throws {
        let folder = try TemporaryFolder()
        let job = Self.job(["dropMask": 0.3, "threshold": 15], minimumUpdates: 15) { $0.attempts = 50 }
        #expect(try run(folder, "run", job).run().isComplete)
        let line = try #require(
            try SimulationStudy.lines(of: folder.file("run/metrics.jsonl")).first { $0.split == "train" })
        #expect(line.refusals?.values.allSatisfy { $0 == "secure-aggregation" } ?? true)
        let aborts = try #require(line.aborts)
        #expect(aborts.allSatisfy { $0.contains("of at least 15 updates") })
    }

    @Test("The store of a run holds masked words only")
    func store() throws {
        let folder = try TemporaryFolder()
        let run = try run(folder, "run", Self.job(["range": 0.05, "bits": 16]), memory: 0)
        let plain = try plainUpdates(run)
        for client in run.data.clients {
            try run.handle(.clientReady(client: client.name, examples: ["train": client.rows.count], holding: []))
        }
        try run.handle(.start)
        while run.updates.count < 19 { #expect(try run.step()) }
        let words = try MaskedUpdate.schema(of: run.encoded.plain)
        for (name, kept) in run.updates {
            let stored = try kept.weights()
            #expect(stored.schema == words)
            let own = try #require(plain[name])
            var equal = 0
            for spec in own.schema.tensors {
                let found = try stored.withUnsafeBytes(of: spec.name) { Array($0.bindMemory(to: UInt32.self)) }
                let encoded = try own.floats(spec.name).map {
                    UInt32(truncatingIfNeeded: quantised($0, range: 0.05, bits: 16).word)
                }
                equal += zip(found, encoded).count { $0 == $1 }
                // Not the numbers themselves either.
                #expect(try found != own.floats(spec.name).map(\.bitPattern))
            }
            // Of a few thousand words one in 2³² is equal by chance.
            #expect(equal <= 1, "\(name)")
        }
    }

    @Test("Clients of a virtual clock that drop out or come late are left out of the sum")
    func clock() throws {
        let folder = try TemporaryFolder()
        let job = Self.job(rounds: 2, ["threshold": 0.55], minimumUpdates: 11) {
            $0.clock = ["secondsPerExample": 1, "dropOut": 0.2, "speedLaw": "log-normal"]
            $0.deadline = 60
            $0.attempts = 20
        }
        let one = try run(folder, "one", job, workers: 1).run()
        #expect(one.isComplete)
        #expect(try run(folder, "two", job, workers: 2).run().digest == one.digest)
        let line = try #require(
            try SimulationStudy.lines(of: folder.file("one/metrics.jsonl")).first { $0.split == "train" })
        #expect((line.clients ?? 20) < 20 && line.saturated != nil)
    }

    @Test("Local noise goes under the masks")
    func localPrivacy() throws {
        let folder = try TemporaryFolder()
        let job = Self.job(["range": 8]) {
            $0.privacy = ["mechanism": "local", "noiseMultiplier": 4, "delta": 1e-3, "accountant": "rdp"]
        }
        let outcome = try run(folder, "run", job).run()
        #expect(outcome.isComplete && (outcome.epsilon ?? 0) > 0)
    }

    private static let distributed: Settings = [
        "mechanism": "distributed", "noiseMultiplier": 2, "delta": 1e-3, "clipNorm": 0.25,
    ]

    @Test("With distributed noise the sum is the rounded updates and the noise of those who are in it, and no more")
    func distributedSum() throws {
        let folder = try TemporaryFolder()
        let job = Self.job(["threshold": 0.55, "dropMask": 0.2, "dropUnmask": 0.1], minimumUpdates: 11) {
            $0.privacy = Self.distributed
        }
        let first = try run(folder, "run", job)
        let plain = try plainUpdates(first)
        let initial = try #require(first.weights[first.initialDigest])
        let privacy = try #require(first.engine.privacy)
        let numbers = try #require(privacy.distributed)
        #expect(numbers.contributors == 11)
        let outcome = try first.run()
        let line = try #require(
            try SimulationStudy.lines(of: folder.file("run/metrics.jsonl")).first { $0.split == "train" })
        let survivors = plain.keys.filter { line.refusals?[$0] == nil }
        #expect(survivors.count < 20 && line.clients == survivors.count && line.aborts == nil && line.saturated == 0)
        #expect(line.epsilon == outcome.epsilon && (outcome.epsilon ?? 0) > 0)
        let schema = try MaskedUpdate.schema(of: first.encoded.plain)
        var sums: [String: [UInt32]] = [:]
        for name in survivors {
            let update = try #require(plain[name])
            let noise = try DistributedNoise(
                numbers, secret: privacy.secret, purpose: "distributed " + name, round: 0, attempt: 0, update: update)
            let words = try MaskedUpdate.masked(update, as: numbers.encoding, with: [], noise: noise).words
            for spec in schema.tensors {
                let own = try words.withUnsafeBytes(of: spec.name) { Array($0.bindMemory(to: UInt32.self)) }
                sums[spec.name] = sums[spec.name].map { zip($0, own).map { $0 &+ $1 } } ?? own
            }
        }
        var squares = 0.0
        var count = 0
        for spec in initial.schema.tensors {
            let before = try initial.floats(spec.name)
            let sum = try #require(sums[spec.name])
            let expected = zip(before, sum).map { old, sum in
                Float(Double(old) + numbers.encoding.decode(sum) / Double(survivors.count))
            }
            #expect(try outcome.weights.floats(spec.name) == expected, "\(spec.name)")
            squares += sum.reduce(0) { $0 + pow(numbers.encoding.decode($1), 2) }
            count += sum.count
        }
        // Twelve or more shares of a noise of 0.5 that eleven suffice for, and at most a sum of clipped updates.
        #expect(squares / Double(count) > 0.25 * Double(survivors.count) / 11 * 0.85)
    }

    @Test("Distributed noise: the same bits after an interruption and for other numbers of workers")
    func distributedRestart() throws {
        let folder = try TemporaryFolder()
        let job = Self.job(rounds: 3, ["threshold": 0.55, "dropMask": 0.1], minimumUpdates: 12) {
            $0.privacy = Self.distributed
            $0.strategy = ["name": "fedopt", "serverOptimizer": "adam"]
        }
        let seen = Mutex(0)
        let first = try run(folder, "parts", job, workers: 1) {
            seen.withLock {
                $0 += 1
                return $0 > 30
            }
        }.run()
        #expect(!first.isComplete)
        try FileManager.default.copyItem(atPath: folder.file("parts"), toPath: folder.file("whole"))
        let second = try run(folder, "parts", job, workers: 2, resumes: true).run()
        let third = try run(folder, "whole", job, workers: 1, resumes: true).run()
        #expect(second.isComplete && second.digest == third.digest && second.epsilon == third.epsilon)
        #expect(try folder.read("parts/metrics.jsonl") == folder.read("whole/metrics.jsonl"))
    }

    // MARK: Norms

    private static let clipped: Settings = ["threshold": 0.55, "range": 0.25, "clipNorm": 0.05]

    private static func checked(_ settings: Settings = [:]) -> Settings {
        clipped.merging(["projections": 32]) { $1 }.merging(settings) { $1 }
    }

    @Test("With honest clients the check of norms changes no bit, and clipping does")
    func honestNorms() throws {
        let folder = try TemporaryFolder()
        let plain = try run(folder, "plain", Self.job(["threshold": 0.55, "range": 0.25])).run()
        for (number, drops) in [[:], ["dropMask": 0.2, "dropSign": 0.1, "dropUnmask": 0.1]].enumerated()
            as EnumeratedSequence<[Settings]>
        {
            let without = Self.clipped.merging(drops) { $1 }
            let one = try run(folder, "without-\(number)", Self.job(rounds: 2, without, minimumUpdates: 11)).run()
            let two = try run(
                folder, "with-\(number)", Self.job(rounds: 2, Self.checked(drops), minimumUpdates: 11), workers: 1
            ).run()
            #expect(one.digest == two.digest && one.isComplete)
            #expect(
                try folder.read("without-\(number)/metrics.jsonl") == folder.read("with-\(number)/metrics.jsonl"))
            #expect(one.digest != plain.digest)
        }
    }

    @Test("Who scales its update is named and left out, and the result is that of the others bit for bit")
    func scaling() throws {
        let folder = try TemporaryFolder()
        let attacked = Self.job(Self.checked()) {
            $0.clients = .init(minimum: 18, perRound: 20, minimumUpdates: 12)
            $0.attack = ["kind": "scaling", "share": 0.1, "scale": 10]
        }
        let run = try run(folder, "attacked", attacked)
        let hostile = run.hostileClients
        #expect(hostile.count == 2)
        let outcome = try run.run()
        let line = try #require(
            try SimulationStudy.lines(of: folder.file("attacked/metrics.jsonl")).first { $0.split == "train" })
        #expect(line.clients == 18 && line.aborts?.count == 1)
        let named =
            "the check of norms refuses the updates of \(hostile.joined(separator: ", ")); \(hostile[0]): the norm"
        #expect(line.aborts?.first?.contains(named) == true, "\(line.aborts ?? [])")
        let honest = Self.job(Self.clipped) {
            $0.clients = .init(
                minimum: 18, minimumUpdates: 12,
                participants: (0..<20).map { "site-\($0)" }.filter { !hostile.contains($0) })
        }
        #expect(try self.run(folder, "honest", honest).run().digest == outcome.digest)
        // Without the check the same attack is in the model.
        let unchecked = Self.job(Self.clipped) {
            $0.clients = attacked.clients
            $0.attack = attacked.attack
        }
        #expect(try self.run(folder, "unchecked", unchecked).run().digest != outcome.digest)
    }

    @Test("An attacker that is always drawn ends the job with its name, and quarantine leaves it out for good")
    func attempts() throws {
        let folder = try TemporaryFolder()
        let job = Self.job(Self.checked()) {
            $0.attack = ["kind": "gaussian", "share": 0.05, "scale": 40]
            $0.attempts = 2
        }
        let first = try run(folder, "run", job)
        let name = try #require(first.hostileClients.first)
        let error = try #require(throws: SimulationError.self) { try first.run() }
        #expect("\(error)".contains("failed 2 times") && "\(error)".contains(name), "\(error)")
        #expect(first.weights.count == 1, "a sum with too long an update is not released")
        let lasting = Self.job(rounds: 3, Self.checked()) {
            $0.clients = .init(minimum: 19, perRound: 20, minimumUpdates: 12)
            $0.attack = job.attack
            $0.limits.quarantineAfter = 1
        }
        #expect(try run(folder, "lasting", lasting).run().isComplete)
        let lines = try SimulationStudy.lines(of: folder.file("lasting/metrics.jsonl")).filter { $0.split == "train" }
        #expect(lines.map { $0.aborts?.count ?? 0 } == [1, 0, 0])
        #expect(lines.map(\.clients) == [19, 19, 19])
    }
}
