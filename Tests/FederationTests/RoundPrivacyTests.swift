import Aggregation
import Federation
import Foundation
import Jobs
import Privacy
import Testing
import Weights

@Suite("Rounds of jobs with privacy")
struct RoundPrivacyTests {
    private let secret: PrivacySecret

    init() throws { secret = try PrivacySecret(bytes: (0..<32).map { UInt8($0) }) }

    private static let central: Settings = [
        "mechanism": "central", "sampling": "fixed", "noiseMultiplier": 8, "delta": 1e-5, "clipNorm": 1,
    ]

    private func job(_ privacy: Settings, rounds: Int = 20, perRound: Int = 2) -> JobSpecification {
        var job = EngineScript.job(rounds: rounds, minimum: perRound, every: 0)
        job.privacy = privacy
        return job
    }

    private func privacy(
        _ job: JobSpecification, _ secret: PrivacySecret, spent: SpentPrivacy = SpentPrivacy()
    ) throws -> RoundPrivacy {
        try #require(try RoundPrivacy(job, secret: secret, spent: spent, parameters: 100))
    }

    /// Runs a job whose clients all answer; gives the cohorts' records.
    private func run(
        _ job: JobSpecification, clients: Int, privacy: RoundPrivacy?, completed: Int = 0, limit: Int = .max
    ) -> (records: [CohortRecord], engine: RoundEngine) {
        var engine = RoundEngine(
            resuming: EngineSnapshot(specification: job, weightsDigest: "w", completedRounds: completed),
            policy: RoundPolicy(settleMilliseconds: 0), privacy: privacy)
        var records: [CohortRecord] = []
        var events: [RoundEvent] = (0..<clients).map { .ready("client-\(100 + $0)") } + [.start]
        while !events.isEmpty, records.count < limit {
            for action in engine.handle(events.removeFirst(), at: 0) {
                if case .commitCohort(let record) = action { records.append(record) }
                if let answer = acknowledgement(action) { events.append(answer) }
                if case .offer(let offer, let client) = action {
                    events.append(.update(client, offer.task.round, offer.task.attempt))
                }
            }
        }
        return (records, engine)
    }

    @Test("The round that would exceed the budget is not begun, and the job says why")
    func budget() throws {
        var settings = Self.central
        settings["epsilon"] = 2
        let job = job(settings, rounds: 1000)
        let privacy = try privacy(job, secret)
        let (records, engine) = run(job, clients: 10, privacy: privacy)
        #expect(engine.status.state == .finished)
        #expect(engine.status.reason.contains("privacy budget"))
        #expect(records.count > 1 && records.count < 1000)
        let last = try #require(records.last?.charge)
        #expect(last.epsilon <= 2)
        let spent = PrivacyLedger(records.compactMap(\.charge?.charge))
        #expect(try spent.epsilon(delta: 1e-5, by: .rdp) == last.epsilon)
        let next = spent.adding(last.charge)
        #expect(try next.epsilon(delta: 1e-5, by: .rdp) > 2)

        // After a restart in the middle the same rounds are left, with the same cohorts.
        let half = records.count / 2
        var before = SpentPrivacy()
        for charge in records[..<half].compactMap(\.charge?.charge) { before.add(charge) }
        let restarted = try self.privacy(job, secret, spent: before)
        let rest = run(job, clients: 10, privacy: restarted, completed: half)
        #expect(rest.records.map(\.cohort) == records[half...].map(\.cohort))
        #expect(rest.records.map(\.charge?.epsilon) == records[half...].map(\.charge?.epsilon))
        #expect(rest.engine.status.reason == engine.status.reason)
    }

    @Test("A budget that allows no round fails the job")
    func noBudget() throws {
        var settings = Self.central
        settings["epsilon"] = 0.001
        let job = job(settings)
        let (records, engine) = run(job, clients: 10, privacy: try privacy(job, secret))
        #expect(records.isEmpty)
        #expect(engine.status.state == .failed)
    }

    @Test("Cohorts come from the secret and not from the seed")
    func secretCohorts() throws {
        let job = job(Self.central)
        let one = run(job, clients: 30, privacy: try privacy(job, secret)).records.map(\.cohort)
        let two = run(job, clients: 30, privacy: try privacy(job, PrivacySecret())).records.map(\.cohort)
        let again = run(job, clients: 30, privacy: try privacy(job, secret)).records.map(\.cohort)
        #expect(one == again && one != two)
    }

    @Test("A Poisson cohort may be empty: its round is committed with noise alone")
    func emptyCohorts() throws {
        let settings: Settings = [
            "mechanism": "central", "noiseMultiplier": 4, "delta": 1e-5, "accountant": "rdp",
        ]
        let job = job(settings, rounds: 60, perRound: 1)
        let (records, engine) = run(job, clients: 30, privacy: try privacy(job, secret))
        #expect(engine.completedRounds == 60)
        #expect(records.contains { $0.cohort.isEmpty } && records.contains { $0.cohort.count > 1 })
        #expect(records.allSatisfy { $0.charge?.expected == 1 && $0.charge?.charge.rate == 1.0 / 30 })
    }

    @Test("With ftrl a client takes part at most every so many rounds")
    func participation() throws {
        let settings: Settings = [
            "mechanism": "ftrl", "noiseMultiplier": 4, "delta": 1e-5, "separation": 3, "accountant": "rdp",
        ]
        let job = job(settings, rounds: 12)
        let (records, _) = run(job, clients: 30, privacy: try privacy(job, secret))
        #expect(records.count == 12)
        for (index, record) in records.enumerated() {
            for other in records[(index + 1)...].prefix(2) {
                #expect(Set(record.cohort).isDisjoint(with: other.cohort))
            }
        }
        let epsilons = records.compactMap(\.charge?.epsilon)
        #expect(epsilons == epsilons.sorted())
        let charge = PrivacyCharge(kind: .tree, noiseMultiplier: 4, separation: 3, count: 12)
        #expect(try epsilons.last == PrivacyLedger([charge]).epsilon(delta: 1e-5, by: .rdp))
    }

    @Test("With distributed noise a client spends in the rounds that it is in; who has nothing left is not drawn")
    func distributed() throws {
        var job = job(
            ["mechanism": "distributed", "noiseMultiplier": 4, "delta": 1e-3, "epsilon": 2], rounds: 200, perRound: 4)
        job.secureAggregation = ["threshold": 0.75]
        #expect(!job.problems.contains { $0.contains("rivacy") || $0.contains("secureAggregation") })
        let privacy = try privacy(job, secret)
        let (records, engine) = run(job, clients: 10, privacy: privacy)
        #expect(engine.status.state == .finished)
        #expect(engine.status.reason.contains("of 10 clients have enough left"))
        let each = privacy.charge(drawing: 4, of: 10)
        let numbers = try #require(privacy.distributed)
        #expect(each.rate == 1 && each.noiseMultiplier == numbers.multiplier && numbers.multiplier < 4)
        var counts: [String: Int] = [:]
        for record in records {
            let charge = try #require(record.charge)
            #expect(charge.charge.count == 0 && Set(charge.records.keys) == Set(record.cohort))
            #expect(charge.records.values.allSatisfy { $0 == each })
            for client in record.cohort { counts[client, default: 0] += 1 }
        }
        let worst = try #require(counts.values.max())
        func epsilon(_ count: Int) throws -> Double {
            var charge = each
            charge.count = count
            return try PrivacyLedger([charge]).epsilon(delta: 1e-3, by: .rdp)
        }
        #expect(try records.last?.charge?.epsilon == epsilon(worst))
        #expect(try epsilon(worst) <= 2 && epsilon(worst + 1) > 2)
        // A coordinator that nobody trusts may have seen what came of an attempt that it calls failed.
        #expect(privacy.chargesFailures)
        #expect(try !self.privacy(self.job(Self.central), secret).chargesFailures)
    }

    @Test("A job whose noisy sums cannot be added modulo 2³² is refused before it begins")
    func noRoom() throws {
        var job = job(["mechanism": "distributed", "noiseMultiplier": 0.001, "delta": 1e-3], perRound: 500_000)
        job.secureAggregation = ["degree": 40]
        let error = #expect(throws: PrivacyError.self) { try privacy(job, secret) }
        #expect(error?.message.contains("do not fit 32 bits") == true)
    }

    @Test(
        "A server optimiser works on the noisy mean, which costs what it costs without",
        arguments: ["gaussian", "discrete"])
    func serverOptimiser(noise: String) throws {
        var settings = Self.central
        settings["noise"] = .string(noise)
        var job = job(settings)
        job.strategy = ["name": "fedopt", "serverOptimizer": "adam", "serverLearningRate": 0.1]
        #expect(!job.problems.contains { $0.contains("privacy") })
        let privacy = try privacy(job, secret)
        #expect(
            try privacy.charge(drawing: 2, of: 10)
                == self.privacy(self.job(settings), secret).charge(drawing: 2, of: 10))
        let plain = try Weights([("w", [3], [0, 0, 0])])
        let global = try job.auxiliaryTensors.completing(plain)
        let rules = try job.tensorRules(for: global.schema)
        let shown = try global.schema.updateSchema()
        let sources = try updates([[0.3, 0.4, 0], [30, 0, 40]]).map {
            try PartialUpdate(
                clientID: $0.clientID, examples: $0.examples, tensors: $0, expected: plain.schema.updateSchema(),
                shownAs: shown)
        }
        let charge = RoundCharge(
            charge: privacy.charge(drawing: 2, of: 10), clipNorm: 1, expected: 2, epsilon: 0)
        let sum = try PrivateSum(
            of: sources, schema: shown, rules: rules, round: 1, attempt: 0, charge: charge, privacy: privacy)
        var mean = [Double](repeating: 0, count: 3)
        try mean.withUnsafeMutableBytes {
            try sum.readBlock(tensor: #require(sum.schema.index(of: "w")), byteOffset: 0, into: $0)
        }
        let next = try job.aggregationStrategy().aggregate(global: global, updates: [sum], rules: rules)
        for (found, delta) in try zip(next.floats("w"), mean) {
            let first = 0.1 * delta
            let second = 0.99 * 1e-6 + 0.01 * delta * delta
            let expected = 0.1 * first / (second.squareRoot() + 1e-3)
            #expect(abs(Double(found) - expected) < 1e-6 * abs(expected), "\(found), expected \(expected)")
        }
        #expect(mean.contains { abs($0) > 0.1 })
    }

    // MARK: Sums

    private func updates(_ values: [[Float]]) throws -> [any UpdateSource] {
        try values.enumerated().map { index, values in
            MemoryUpdateSource(
                clientID: "c\(index)", examples: 1 + 100 * index, update: try Weights([("w", [values.count], values)]))
        }
    }

    private func fold(
        _ values: [[Float]], _ settings: Settings, round: Int = 0, attempt: Int = 0, block: Int = 7,
        secret: PrivacySecret? = nil, expected: Double = 2, clipNorm: Double = 1
    ) throws -> (new: [Float], sum: PrivateSum) {
        let job = job(settings)
        let privacy = try privacy(job, secret ?? self.secret)
        let global = try Weights([("w", [values[0].count], [Float](repeating: 0, count: values[0].count))])
        let charge = RoundCharge(
            charge: privacy.charge(drawing: 2, of: 10), clipNorm: clipNorm, expected: expected, epsilon: 0)
        let sum = try PrivateSum(
            of: updates(values), schema: global.schema.updateSchema(), rules: .defaults, round: round, attempt: attempt,
            charge: charge, privacy: privacy)
        let next = try AggregationStrategies.make(.weightedMean, blockElements: block).aggregate(
            global: global, updates: [sum], rules: .defaults)
        return (try next.floats("w"), sum)
    }

    @Test("Updates are clipped, count equally, and are divided by the expected cohort")
    func clipping() throws {
        var settings = Self.central
        settings["noiseMultiplier"] = 0.001
        // Norms 0.5 and 50: the second is scaled to 1.
        let (new, _) = try fold([[0.3, 0.4, 0], [30, 0, 40]], settings)
        let expected: [Float] = [(0.3 + 0.6) / 2, 0.4 / 2, 0.8 / 2]
        for (found, value) in zip(new, expected) { #expect(abs(found - value) < 0.005) }
    }

    @Test(
        "Noise has the right deviation, repeats after a restart, and does not depend on blocks",
        arguments: ["gaussian", "discrete"])
    func noise(distribution: String) throws {
        var settings = Self.central
        settings["noise"] = .string(distribution)
        let zeros = [[Float](repeating: 0, count: 2000)]
        let one = try fold(zeros, settings, round: 5).new
        #expect(try fold(zeros, settings, round: 5, block: 64).new == one)
        #expect(try fold(zeros, settings, round: 5, attempt: 1).new != one)
        #expect(try fold(zeros, settings, round: 6).new != one)
        #expect(try fold(zeros, settings, round: 5, secret: PrivacySecret()).new != one)
        let variance = one.reduce(0) { $0 + Double($1) * Double($1) } / 2000
        // σC / expected = 8 · 1 / 2.
        #expect(abs(variance / 16 - 1) < 5 * (2.0 / 2000).squareRoot())
    }

    @Test("The tree's noise over rounds grows with the logarithm")
    func tree() throws {
        let settings: Settings = ["mechanism": "ftrl", "noiseMultiplier": 1, "delta": 1e-5]
        let zeros = [[Float](repeating: 0, count: 2000)]
        var total = [Double](repeating: 0, count: 2000)
        for round in 0..<16 {
            let step = try fold(zeros, settings, round: round, expected: 1).new
            for index in total.indices { total[index] += Double(step[index]) }
        }
        let variance = total.reduce(0) { $0 + $1 * $1 } / 2000
        #expect(abs(variance - 1) < 0.2, "after 16 rounds one node of the tree: \(variance)")
    }

    @Test("The adaptive norm moves towards the quantile")
    func adaptive() throws {
        var settings = Self.central
        settings["clip"] = "adaptive"
        settings["countNoise"] = 40
        let low = try fold([[10, 0], [20, 0]], settings, expected: 1000).sum.nextClipNorm
        #expect(low != nil)
        #expect(try fold([[10, 0]], Self.central).sum.nextClipNorm == nil)
    }

    @Test("Under local privacy the coordinator adds nothing")
    func local() throws {
        let settings: Settings = ["mechanism": "local", "noiseMultiplier": 4, "delta": 1e-5]
        let (new, _) = try fold([[30, 40], [10, 0]], settings)
        #expect(new == [20, 20])
    }
}
