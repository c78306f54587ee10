import Client
import Configuration
import Identity
import Jobs
import Testing

struct SiteRulesTests {
    static let job = JobSpecification(
        name: "j", model: ["name": "har"], data: "uci-har", rounds: 10, training: ["epochs": 2])

    static let masked = job(["secureAggregation": true])

    /// The job with ten clients under masks, with privacy, or both.
    static func job(_ parts: [String: Bool], minimumUpdates: Int = 7) -> JobSpecification {
        var job = job
        job.clients = .init(minimum: 10, minimumUpdates: minimumUpdates)
        if parts["secureAggregation"] == true { job.secureAggregation = ["threshold": 0.6] }
        if parts["privacy"] == true {
            job.privacy = ["mechanism": "local", "noiseMultiplier": 2, "delta": 1e-5, "epsilon": 8]
        }
        return job
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var rules: SiteRules
        var isTraining = true
        var job = SiteRulesTests.job
        var offered: [String: Int]? = ["train": 40, "test": 9]
        var code: String?
    }

    static let cases = [
        Case(testDescription: "no rules", rules: SiteRules(), code: nil),
        Case(testDescription: "operator allowed", rules: SiteRules(operators: ["bob", "alice"]), code: nil),
        Case(testDescription: "another operator", rules: SiteRules(operators: ["bob"]), code: "operator"),
        Case(testDescription: "another model", rules: SiteRules(models: ["softmax"]), code: "model"),
        Case(testDescription: "model allowed", rules: SiteRules(models: ["har"]), code: nil),
        Case(testDescription: "closed data set", rules: SiteRules(datasets: ["other"]), code: "dataset"),
        Case(testDescription: "no such data", rules: SiteRules(), offered: nil, code: "dataset"),
        Case(testDescription: "no such split", rules: SiteRules(), offered: ["test": 9], code: "dataset"),
        Case(testDescription: "too many rounds", rules: SiteRules(rounds: 9), code: "effort"),
        Case(testDescription: "rounds at the limit", rules: SiteRules(rounds: 10), code: nil),
        Case(testDescription: "too many epochs", rules: SiteRules(epochs: 1), code: "effort"),
        Case(testDescription: "epochs at the limit", rules: SiteRules(epochs: 2), code: nil),
        Case(testDescription: "too few examples", rules: SiteRules(minimumExamples: 41), code: "examples"),
        Case(testDescription: "enough examples", rules: SiteRules(minimumExamples: 40), code: nil),
        Case(
            testDescription: "an evaluation takes no effort", rules: SiteRules(rounds: 1, minimumExamples: 100),
            isTraining: false, code: nil),
        Case(
            testDescription: "no masks", rules: SiteRules(secureAggregation: .init()), code: "secure-aggregation"),
        Case(testDescription: "masks", rules: SiteRules(secureAggregation: .init()), job: masked, code: nil),
        Case(
            testDescription: "sums of enough updates", rules: SiteRules(secureAggregation: .init(minimum: 7)),
            job: masked, code: nil),
        Case(
            testDescription: "sums of too few updates", rules: SiteRules(secureAggregation: .init(minimum: 8)),
            job: masked, code: "secure-aggregation"),
        Case(
            testDescription: "a threshold that is enough", rules: SiteRules(secureAggregation: .init(threshold: 6)),
            job: masked, code: nil),
        Case(
            testDescription: "a threshold that is too small",
            rules: SiteRules(secureAggregation: .init(threshold: 7)), job: masked, code: "secure-aggregation"),
        Case(testDescription: "no privacy", rules: SiteRules(privacy: .init()), code: "privacy"),
        Case(testDescription: "privacy", rules: SiteRules(privacy: .init()), job: job(["privacy": true]), code: nil),
        Case(
            testDescription: "all that privacy has to be",
            rules: SiteRules(
                privacy: .init(mechanisms: [.record, .local], epsilon: 8, delta: 1e-5, noiseMultiplier: 2)),
            job: job(["privacy": true]), code: nil),
        Case(
            testDescription: "another mechanism", rules: SiteRules(privacy: .init(mechanisms: [.record])),
            job: job(["privacy": true]), code: "privacy"),
        Case(
            testDescription: "too large an epsilon", rules: SiteRules(privacy: .init(epsilon: 7.9)),
            job: job(["privacy": true]), code: "privacy"),
        Case(
            testDescription: "too large a delta", rules: SiteRules(privacy: .init(delta: 1e-6)),
            job: job(["privacy": true]), code: "privacy"),
        Case(
            testDescription: "too little noise", rules: SiteRules(privacy: .init(noiseMultiplier: 2.1)),
            job: job(["privacy": true]), code: "privacy"),
        Case(
            testDescription: "an evaluation at a site that trains", rules: SiteRules(), isTraining: false, job: masked,
            code: "figures"),
        Case(
            testDescription: "an evaluation at a site without training examples", rules: SiteRules(),
            isTraining: false, job: masked, offered: ["test": 9], code: nil),
        Case(
            testDescription: "an evaluation without masks at a site that trains and demands them",
            rules: SiteRules(secureAggregation: .init()), isTraining: false, code: "secure-aggregation"),
        Case(
            testDescription: "an evaluation without noise at a site that trains and demands it",
            rules: SiteRules(privacy: .init(noiseMultiplier: 2.1)), isTraining: false, code: "privacy"),
        Case(
            testDescription: "an evaluation without masks where nothing is trained",
            rules: SiteRules(secureAggregation: .init()), isTraining: false, offered: ["test": 9], code: nil),
    ]

    @Test("The site decides", arguments: cases)
    func decision(rule: Case) {
        let refusal = rule.rules.refusal(
            of: rule.job, operator: "alice", isTraining: rule.isTraining, offered: rule.offered)
        #expect(refusal?.code == rule.code)
        if let refusal { #expect(!refusal.reason.isEmpty) }
    }

    @Test("A site may train for a job and keep its own model from the others")
    func ownModel() {
        var across = Self.job
        across.crossSite = .all
        #expect(SiteRules().refusal(toShowModelOf: across, round: 10) == nil)
        #expect(SiteRules(crossSite: false).refusal(toShowModelOf: across, round: 9) == nil, "a round of the job")
        #expect(SiteRules(crossSite: false).refusal(toShowModelOf: across, round: 10)?.code == "cross-site")
        #expect(SiteRules(rounds: 10).refusal(toShowModelOf: across, round: 10)?.code == "effort")
        #expect(SiteRules(rounds: 11).refusal(toShowModelOf: across, round: 10) == nil)
        // A job that asks for no such thing has no such round.
        #expect(SiteRules().refusal(toShowModelOf: Self.job, round: 10)?.code == "cross-site")
    }

    @Test("The whole file, its defaults, and the place of the state folder")
    func configuration() throws {
        let yaml = """
            federation: demo
            coordinator: {host: example.org, port: 8443}
            identity: {ca: ca.pem, certificate: certificate.pem, key: key.pem}
            data: [{path: site}]
            trainer: {command: [python3, trainer.py], memory: 512MiB, stall: 5}
            allow: {operators: [alice], minutes: 2.5, minimumExamples: 100, crossSite: false}
            """
        let found = try ConfigurationFile.decode(ClientConfiguration.self, yaml: yaml, folder: "/etc/site")
        #expect(found.identity.files.key == "/etc/site/key.pem")
        #expect(found.data.map(\.path.path) == ["/etc/site/site"])
        #expect(found.trainer.memory == .mebibytes(512))
        #expect(found.trainer.threads == 1)
        #expect(found.allow == SiteRules(operators: ["alice"], minutes: 2.5, minimumExamples: 100, crossSite: false))
        try found.validate(place: "client.yaml")
    }

    @Test(
        "What a site demands is a word or a map",
        arguments: [
            ("secureAggregation: required", SiteRules(secureAggregation: .init())),
            (
                "secureAggregation: {minimum: 5, threshold: 4}",
                .init(secureAggregation: .init(minimum: 5, threshold: 4))
            ),
            ("privacy: required, figures: clear", .init(privacy: .init(), figures: .clear)),
            (
                "privacy: {mechanisms: [local, distributed], epsilon: 4, delta: 1.0e-5, noiseMultiplier: 0.5}",
                .init(
                    privacy: .init(
                        mechanisms: [.local, .distributed], epsilon: 4, delta: 1e-5, noiseMultiplier: 0.5))
            ),
        ] as [(String, SiteRules)])
    func demands(text: String, rules: SiteRules) throws {
        #expect(try ConfigurationFile.decode(SiteRules.self, yaml: "{\(text)}") == rules)
    }

    @Test(
        "Words that no rule has are errors: a rule that is misread would protect nobody",
        arguments: [
            "secureAggregation: none", "secureAggregation: {minimun: 5}", "secureAggregation: [required]",
            "privacy: {mechanisms: [locl]}", "figures: open",
        ])
    func misread(text: String) {
        #expect(throws: ConfigurationError.self) {
            try ConfigurationFile.decode(SiteRules.self, yaml: "{\(text)}")
        }
    }

    @Test(
        "Impossible values are named",
        arguments: [
            "coordinator: {host: h, port: 0}", "coordinator: {host: h, port: 1}\ntrainer: {memory: 1MiB}",
            "coordinator: {host: h, port: 1}\ntrainer: {command: []}",
            "coordinator: {host: h, port: 1}\nallow: {rounds: -1}",
            "coordinator: {host: h, port: 1}\nallow: {secureAggregation: {minimum: -1}}",
            "coordinator: {host: h, port: 1}\nallow: {privacy: {epsilon: -1}}",
        ])
    func impossible(part: String) throws {
        let yaml = "federation: demo\nidentity: {ca: a, certificate: b, key: c}\n" + part
        let found = try ConfigurationFile.decode(ClientConfiguration.self, yaml: yaml)
        #expect(throws: ClientError.self) { try found.validate(place: "client.yaml") }
    }
}
