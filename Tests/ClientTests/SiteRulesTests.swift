import Client
import Configuration
import Identity
import Jobs
import Testing

struct SiteRulesTests {
    static let job = JobSpecification(
        name: "j", model: ["name": "har"], data: "uci-har", rounds: 10, training: ["epochs": 2])

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var rules: SiteRules
        var isTraining = true
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
    ]

    @Test("The site decides", arguments: cases)
    func decision(rule: Case) {
        let refusal = rule.rules.refusal(
            of: Self.job, operator: "alice", isTraining: rule.isTraining, offered: rule.offered)
        #expect(refusal?.code == rule.code)
        if let refusal { #expect(!refusal.reason.isEmpty) }
    }

    @Test("The whole file, its defaults, and the place of the state folder")
    func configuration() throws {
        let yaml = """
            federation: demo
            coordinator: {host: example.org, port: 8443}
            identity: {ca: ca.pem, certificate: certificate.pem, key: key.pem}
            data: [{path: site}]
            trainer: {command: [python3, trainer.py], memory: 512MiB, stall: 5}
            allow: {operators: [alice], minutes: 2.5, minimumExamples: 100}
            """
        let found = try ConfigurationFile.decode(ClientConfiguration.self, yaml: yaml, folder: "/etc/site")
        #expect(found.identity.files.key == "/etc/site/key.pem")
        #expect(found.data.map(\.path.path) == ["/etc/site/site"])
        #expect(found.trainer.memory == .mebibytes(512))
        #expect(found.trainer.threads == 1)
        #expect(found.allow == SiteRules(operators: ["alice"], minutes: 2.5, minimumExamples: 100))
        try found.validate(place: "client.yaml")
    }

    @Test(
        "Impossible values are named",
        arguments: [
            "coordinator: {host: h, port: 0}", "coordinator: {host: h, port: 1}\ntrainer: {memory: 1MiB}",
            "coordinator: {host: h, port: 1}\ntrainer: {command: []}",
            "coordinator: {host: h, port: 1}\nallow: {rounds: -1}",
        ])
    func impossible(part: String) throws {
        let yaml = "federation: demo\nidentity: {ca: a, certificate: b, key: c}\n" + part
        let found = try ConfigurationFile.decode(ClientConfiguration.self, yaml: yaml)
        #expect(throws: ClientError.self) { try found.validate(place: "client.yaml") }
    }
}
