import Configuration
import Foundation
import Jobs
import Testing
import Weights

/// One way to spoil a job.
struct Change: Sendable {
    var apply: @Sendable (inout JobSpecification) -> Void

    init(_ apply: @escaping @Sendable (inout JobSpecification) -> Void) { self.apply = apply }
}

@Suite("Job specification")
struct JobSpecificationTests {
    @Test(
        "evaluation begins where it is told to, and after `every` rounds otherwise",
        arguments: [
            (5, nil, [4, 9, 11]), (5, 0, [0, 5, 10, 11]), (1, nil, Array(0..<12)), (3, 7, [7, 10, 11]), (0, 0, []),
            (4, 40, [11]),
        ] as [(Int, Int?, [Int])])
    func evaluatedRounds(every: Int, first: Int?, rounds: [Int]) throws {
        var job = JobSpecification(name: "a", model: ["name": "b"], data: "c", rounds: 12)
        let plain = try job.canonicalJSON()
        #expect(!String(decoding: plain, as: UTF8.self).contains("first"), "jobs without it keep their bytes")
        job.evaluation = .init(every: every, first: first)
        #expect((0..<12).filter(job.isEvaluated) == rounds)
        #expect(try JobSpecification(json: job.canonicalJSON()) == job)
        job.evaluation.first = -1
        #expect(job.problems.contains { $0.hasPrefix("evaluation.first: found -1") })
    }

    @Test(
        "no client can take more effective steps than its examples give",
        arguments: [(0.0, 1, 16), (0.9, 1, 16), (0.9, 40, 16), (0.999, 300, 7), (1.0, 9, 5), (0.5, 3, 1)])
    func effectiveSteps(momentum: Double, examples: Int, batchSize: Int) {
        let job = JobSpecification(
            name: "a", model: ["name": "b"], data: "c", rounds: 1,
            training: ["epochs": 3, "batchSize": .int(batchSize), "momentum": .double(momentum)])
        let steps = 3 * ((examples + batchSize - 1) / batchSize)
        // Each gradient reaches the weights once a step from its own on, less and less.
        var reach = 0.0
        var sum = 0.0
        for _ in 0..<steps {
            reach = momentum * reach + 1
            sum += reach
        }
        let most = job.mostEffectiveSteps(examples: examples)
        #expect(most >= sum && most <= sum * 1.0002)
        let plain = JobSpecification(name: "a", model: ["name": "b"], data: "c", rounds: 1)
        #expect(plain.mostEffectiveSteps(examples: 17) >= 2.9 && plain.mostEffectiveSteps(examples: 17) < 2.901)
    }

    private let yaml = """
        name: har-fedavg
        model: {name: har, fusion: attention, layers: [32, 64], dropout: 0.2, wide: true}
        data: uci-har
        rounds: 30
        seed: 8
        clients: {minimum: 5, perRound: 4, minimumUpdates: 2, targetUpdates: 3, participants: [site-1, site-2, site-3, site-4, site-5]}
        deadline: 600
        attempts: 2
        strategy: fedavg
        training: {epochs: 1, batchSize: 16, learningRate: 0.05, weightDecay: 0.00001}
        evaluation: {every: 2, split: dev, deadline: 60, batchSize: 64}
        selectBy: -loss
        limits: {maximumExamples: 5000}
        kept: [a]
        latest: [b]
        keepUpdates: true
        checkpointEvery: 10
        """

    private func job(_ yaml: String) throws -> JobSpecification {
        try ConfigurationFile.decode(JobSpecification.self, yaml: yaml)
    }

    @Test("YAML, JSON and the value are one")
    func roundTrip() throws {
        let read = try job(yaml).validated()
        #expect(read.model["layers"] == [32, 64])
        #expect(read.evaluation == .init(every: 2, split: "dev", deadline: 60, settings: ["batchSize": 64]))
        #expect(read.selectBy == MetricSelector("-loss"))
        #expect(read.clients.participants?.count == 5)
        #expect((read.clients.minimumUpdates, read.clients.targetUpdates) == (2, 3))
        let json = try read.canonicalJSON()
        #expect(try JobSpecification(json: json) == read)
        #expect(try JobSpecification(json: json).canonicalJSON() == json)
        // JSON is YAML.
        #expect(try job(String(decoding: json, as: UTF8.self)) == read)
    }

    @Test("what a file may leave out")
    func defaults() throws {
        let read = try job("{name: j, model: {name: m}, data: d, rounds: 3, clients: {minimum: 4}}").validated()
        #expect(
            read == JobSpecification(name: "j", model: ["name": "m"], data: "d", rounds: 3, clients: .init(minimum: 4)))
        #expect(read.clients == .init(minimum: 4, perRound: 4, minimumUpdates: 4, participants: nil))
        // Left out, it is not in the canonical form either: jobs from before it was known keep their digests.
        #expect(try !String(decoding: read.canonicalJSON(), as: UTF8.self).contains("targetUpdates"))
        #expect(read.deadline == 3600)
        #expect(read.attempts == 3)
        #expect(read.strategy == ["name": "fedavg"])
        #expect(read.evaluation == .init(every: 1, split: "test", deadline: 600, settings: [:]))
        #expect(read.selectBy.description == "macroF1")
        #expect(read.limits.maximumExamples == 1_000_000)
        #expect(read.deadlineMilliseconds == 3_600_000)
        #expect(JobSpecification.Clients(minimum: 3, perRound: 5).minimumUpdates == 5)
    }

    @Test("a misspelt key is found with its place, in free maps every key is welcome")
    func unknownKeys() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try job("{name: j, model: {name: m}, data: d, rounds: 3, clients: {minimun: 4}}")
        }
        #expect(error?.message == "configuration:1:59: unknown key \"clients.minimun\"; did you mean \"minimum\"?")
        #expect(try job("{name: j, model: {name: m, x: y}, data: d, rounds: 3, evaluation: {x: 1}}").model["x"] == "y")
    }

    @Test(
        "what does not hold together is named",
        arguments: [
            (Change { $0.name = "Har" }, "name: found \"Har\", expected 1 to 64 of a-z, 0-9 and -"),
            (Change { $0.name = String(repeating: "a", count: 65) }, "name: found"),
            (Change { $0.model = [:] }, "model.name: found nothing, expected the model's name"),
            (Change { $0.model = ["name": 3] }, "model.name: found no text, expected the model's name"),
            (Change { $0.data = "a b" }, "data: found \"a b\""),
            (Change { $0.rounds = 0 }, "rounds: found 0, expected a whole number from 1 to 1000000"),
            (Change { $0.rounds = 1_000_001 }, "rounds: found 1000001"),
            (Change { $0.clients.minimum = 0 }, "clients.minimum: found 0"),
            (Change { $0.clients.perRound = 0 }, "clients.perRound: found 0"),
            (
                Change { $0.clients.minimumUpdates = 3 },
                "clients.minimumUpdates: found 3, expected a whole number from 1 to 1"
            ),
            (
                Change { $0.clients.targetUpdates = 2 },
                "clients.targetUpdates: found 2, expected a whole number from 1 to 1"
            ),
            (
                Change { $0.clients = .init(perRound: 4, minimumUpdates: 3, targetUpdates: 2) },
                "clients.targetUpdates: found 2, expected a whole number from 3 to 4"
            ),
            (Change { $0.clients.participants = [] }, "clients.participants: found 0 names, expected at least 1"),
            (Change { $0.clients.participants = ["a", "a"] }, "clients.participants: found a more than once"),
            (
                Change { $0.clients.participants = ["a\n"] },
                "clients.participants: found \"a\n\", expected a client's name"
            ),
            (Change { $0.deadline = 0 }, "deadline: found 0.0, expected more than 0 and at most 2592000 seconds"),
            (Change { $0.deadline = .nan }, "deadline: found nan"),
            (Change { $0.deadline = .infinity }, "deadline: found inf"),
            (Change { $0.attempts = 0 }, "attempts: found 0"),
            (Change { $0.strategy = ["name": "magic"] }, "strategy: found \"magic\", expected one of ditto, fedavg"),
            (Change { $0.training = ["x": .double(.nan)] }, "training.x: expected finite numbers"),
            (Change { $0.training = ["": 1] }, "training: found a name of 0 bytes"),
            (Change { $0.evaluation.every = -1 }, "evaluation.every: found -1"),
            (Change { $0.evaluation.split = "" }, "evaluation.split: found \"\""),
            (Change { $0.evaluation.deadline = -1 }, "evaluation.deadline: found -1.0"),
            (Change { $0.selectBy = MetricSelector("-") }, "selectBy: found \"-\""),
            (Change { $0.limits.maximumExamples = 0 }, "limits.maximumExamples: found 0"),
            (Change { $0.kept = ["a", "a"] }, "kept: found a tensor more than once"),
            (
                Change { ($0.kept, $0.latest) = (["a"], ["a"]) },
                "latest: found the tensor \"a\", which is in kept too"
            ),
            (Change { $0.checkpointEvery = -1 }, "checkpointEvery: found -1"),
        ] as [(Change, String)])
    func problems(change: Change, expected: String) {
        var job = JobSpecification(name: "j", model: ["name": "m"], data: "d", rounds: 3)
        #expect(job.problems == [])
        change.apply(&job)
        #expect(job.problems.count == 1)
        #expect(job.problems.first?.hasPrefix(expected) == true, "\(job.problems)")
    }

    @Test("several problems are named at once")
    func severalProblems() {
        let error = #expect(throws: JobsError.self) {
            try JobSpecification(name: "", model: [:], data: "d", rounds: 0).validated()
        }
        #expect(error?.code == .invalidSpecification)
        #expect(error?.message.split(separator: "\n").count == 3)
    }

    @Test(
        "JSON from a peer that is not a job",
        arguments: [
            ("", "job specification: the document:"), ("[]", "job specification: the document: expected"),
            ("{\"name\":\"j\"}", "job specification: model is missing"),
            ("{\"name\":\"j\",\"model\":{\"name\":null}}", "job specification: model.name"),
            ("{\"name\":\"j\",\"model\":{\"name\":\"m\"},\"data\":\"d\",\"rounds\":1.5}", "job specification: "),
            (
                "{\"name\":\"j\",\"model\":{\"name\":\"m\"},\"data\":\"d\",\"rounds\":0}",
                "job specification: rounds: found 0"
            ),
        ])
    func badJSON(json: String, expected: String) {
        let error = #expect(throws: JobsError.self) { try JobSpecification(json: Data(json.utf8)) }
        #expect(error?.message.hasPrefix(expected) == true, "\(error.map { "\($0)" } ?? "")")
    }

    @Test("JSON over a megabyte is not even read, deep JSON is an error")
    func hostileJSON() {
        #expect(throws: JobsError.self) { try JobSpecification(json: Data(count: (1 << 20) + 1)) }
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JobsError.self) { try JobSpecification(json: Data("{\"model\":{\"a\":\(deep)".utf8)) }
        let nested = String(repeating: "[", count: 400) + String(repeating: "]", count: 400)
        #expect(throws: JobsError.self) {
            try JobSpecification(
                json: Data(
                    "{\"name\":\"j\",\"model\":{\"name\":\"m\",\"a\":\(nested)},\"data\":\"d\",\"rounds\":1}".utf8))
        }
    }

    @Test("which rounds are evaluated and kept")
    func cadence() {
        var job = JobSpecification(name: "j", model: ["name": "m"], data: "d", rounds: 7, checkpointEvery: 3)
        job.evaluation.every = 3
        #expect((0..<7).filter { job.isEvaluated(round: $0) } == [2, 5, 6])
        #expect((0..<7).filter { job.isCheckpoint(round: $0) } == [2, 5])
        job.evaluation.every = 0
        #expect(!(0..<7).contains { job.isEvaluated(round: $0) })
    }

    @Test("the schema of an update follows from the job")
    func updateSchema() throws {
        let weights = try WeightsSchema([
            TensorSpec(name: "w", dtype: .f32, shape: [2, 3]), TensorSpec(name: "h", dtype: .f16, shape: [4]),
            TensorSpec(name: "d", dtype: .f64, shape: []), TensorSpec(name: "steps", dtype: .i64, shape: []),
            TensorSpec(name: "mask", dtype: .bool, shape: [3]), TensorSpec(name: "frozen", dtype: .bf16, shape: [5]),
        ])
        var job = JobSpecification(name: "j", model: ["name": "m"], data: "d", rounds: 1)
        job.kept = ["frozen"]
        job.latest = ["steps"]
        let expected = try WeightsSchema([
            TensorSpec(name: "w", dtype: .f32, shape: [2, 3]), TensorSpec(name: "h", dtype: .f32, shape: [4]),
            TensorSpec(name: "d", dtype: .f32, shape: []), TensorSpec(name: "steps", dtype: .i64, shape: []),
        ])
        #expect(try job.updateSchema(for: weights) == expected)
        job.kept = ["frozen", "nowhere"]
        let error = #expect(throws: JobsError.self) { try job.updateSchema(for: weights) }
        #expect(error?.message == "job specification: kept: found \"nowhere\", which is no tensor of the weights")
        job.kept = ["w", "h", "d", "frozen"]
        job.latest = []
        #expect(throws: JobsError.self) { try job.updateSchema(for: weights) }
    }
}

@Suite("Sampling and attacks of a job")
struct SamplingSettingsTests {
    private func job(_ sampling: String, perRound: Int = 30) throws -> JobSpecification {
        try ConfigurationFile.decode(
            JobSpecification.self,
            yaml: """
                {name: j, model: {name: m}, data: d, rounds: 3,
                 clients: {minimum: 1, perRound: \(perRound), minimumUpdates: 1, sampling: \(sampling)}}
                """)
    }

    @Test("a name alone, or a map; a name alone stays one in the canonical form")
    func forms() throws {
        let plain = try job("weighted").validated()
        #expect(plain.clients.sampling.settings == ["name": "weighted"])
        #expect(try String(decoding: plain.canonicalJSON(), as: UTF8.self).contains("\"sampling\":\"weighted\""))
        let map = try job("{name: power-of-choice, candidates: 40}").validated()
        #expect(try SamplingSettings(map.clients.sampling.settings).candidates == 40)
        #expect(try JobSpecification(json: map.canonicalJSON()) == map)
        let standard = JobSpecification(name: "j", model: ["name": "m"], data: "d", rounds: 3)
        #expect(try String(decoding: standard.canonicalJSON(), as: UTF8.self).contains("\"sampling\":\"uniform\""))
        #expect(try job("fedmultimodal").clients.sampling == .fedmultimodal)
    }

    @Test(
        "what is wrong with a sampling",
        arguments: [
            ("weigthed", "clients.sampling: found \"weigthed\", expected one of availability, fedmultimodal"),
            ("{name: oort, candidates: 4}", "clients.sampling: found the unknown key \"candidates\""),
            ("{name: power-of-choice, candidates: 29}", "clients.sampling.candidates: found 29, expected at least"),
            ("{name: poisson, population: 3}", "clients.sampling.population: found 3, expected at least"),
            ("{name: oort, exploration: 2}", "clients.sampling.exploration: found 2, expected a number from 0"),
            ("{name: stratified, bands: 1}", "clients.sampling.bands: found 1, expected a whole number from 2"),
        ])
    func problems(sampling: String, expected: String) throws {
        let found = try job(sampling).problems
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix(expected) == true, "\(found)")
    }

    @Test("Poisson draws vary, so fewer updates must do")
    func poissonMinimum() throws {
        var job = try job("poisson")
        #expect(job.problems == [])
        job.clients.minimumUpdates = 13
        #expect(job.problems == [])
        job.clients.minimumUpdates = 14
        #expect(job.problems.first?.hasPrefix("clients.minimumUpdates: found 14, expected at most 13") == true)
    }

    @Test("attacks are read with the numbers of their kind")
    func attacks() throws {
        #expect(try AttackSettings([:]) == nil)
        let flip = try AttackSettings(["kind": "sign-flip"])
        #expect((flip?.share, flip?.scale) == (0.2, 1))
        #expect(try AttackSettings(["kind": "scaling", "share": 0.1])?.scale == 10)
        #expect(try AttackSettings(["kind": "alie"])?.z == nil)
        #expect(try AttackSettings(["kind": "alie", "z": 1.5])?.z == 1.5)
        #expect(try AttackSettings(["kind": "free-rider", "behaviour": "stale"])?.behaviour == .stale)
        #expect(try AttackSettings(["kind": "giant-weight"])?.examples == 1_000_000_000_000)
    }

    @Test(
        "what is wrong with an attack",
        arguments: [
            (["kind": "sing-flip"], "attack.kind: found \"sing-flip\", expected one of alie, backdoor"),
            (["share": 0.2], "attack.kind: found no key \"kind\" beside \"share\", expected one of"),
            (["name": "alie"], "attack.kind: found no key \"kind\" beside \"name\", expected one of"),
            (["kind": "nan", "scale": 2], "attack: found the unknown key \"scale\""),
            (["kind": "ipm", "share": 1.5], "attack.share: found 1.5, expected a number from 0.0 to 1.0"),
            (["kind": "backdoor", "target": -1], "attack.target: found -1"),
        ] as [(Settings, String)])
    func attackProblems(attack: Settings, expected: String) {
        var job = JobSpecification(name: "j", model: ["name": "m"], data: "d", rounds: 3)
        job.attack = attack
        #expect(job.problems.count == 1)
        #expect(job.problems.first?.hasPrefix(expected) == true, "\(job.problems)")
    }

    @Test("a file with problems is named before each of them")
    func fileIsNamed() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("job-\(UUID().uuidString).yaml").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try "name: j\nmodel: {name: m}\ndata: d\nrounds: 0\nclients: {minimum: 0}\n"
            .write(toFile: path, atomically: true, encoding: .utf8)
        let error = #expect(throws: JobsError.self) { try JobSpecification.load(path: path) }
        let lines = error?.message.split(separator: "\n") ?? []
        #expect(lines.count > 1 && lines.allSatisfy { $0.hasPrefix("\(path): ") }, "\(lines)")
    }
}
