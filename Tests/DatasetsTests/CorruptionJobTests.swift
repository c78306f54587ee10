import Datasets
import Jobs
import Testing

/// What `tributary partition --job --describe` shows.
@Suite struct CorruptionJobTests {
    private func job(
        _ corruption: Settings, data: String = "synthetic-har", partition: Settings = ["scheme": "iid", "clients": 8],
        model: Settings = ["name": "har"], seed: UInt64 = 8
    ) -> JobSpecification {
        JobSpecification(
            name: "corrupted", model: model, data: data, rounds: 1, seed: seed, corruption: corruption,
            partition: partition)
    }

    private func federation(_ job: JobSpecification) throws -> SitePartition.Prepared {
        var request = try SitePartition.Request(job)
        request.synthetic = .init(seed: 3, subjects: 6, windowsPerActivity: 4)
        return try SitePartition.prepare(request)
    }

    /// A client's draws are those that its trainer makes, by its name, or in the mode `faithful` by its position.
    @Test(arguments: ["right", "faithful"])
    func summariesAreTheTrainersDraws(mode: String) throws {
        let job = job(
            ["mode": .string(mode), "missingModality": 0.4, "missingLabels": 0.2, "erroneousLabels": 0.3, "seed": 5])
        let federation = try federation(job)
        let summary = try CorruptionSummary.describe(job, federation)
        #expect(summary.clients.map(\.name) == (1...8).map { "client-\($0)" })
        #expect(summary.kept < summary.examples && summary.examples == federation.train.count)
        let description = CorruptionDescription(
            mode: mode == "right" ? .right : .faithful, missingModality: .constant(0.4), missingLabels: .constant(0.2),
            erroneousLabels: .constant(0.3))
        for (position, client) in federation.partition.clients.enumerated() {
            let number = mode == "right" ? clientIndex(client.id) : UInt32(position + 2)
            let labels = client.rows.map { federation.train.labels[$0] }
            let outcome = try CorruptionSimulator(description, seed: 5).training(
                client: number, labels: labels, classes: 6, modalities: 2)
            #expect(summary.clients[position].index == number)
            #expect(summary.clients[position].kept == outcome.kept().count)
            #expect(summary.clients[position].changedLabels == outcome.changedLabels)
            #expect(summary.clients[position].unlabelled == outcome.unlabelled.count { $0 })
            #expect(summary.clients[position].missing["acc"] == outcome.missingCounts[0])
        }
    }

    /// What clients hold out for themselves is not there to be spoilt or trained on.
    @Test func whatClientsHoldOutIsNotCounted() throws {
        let job = job(["missingLabels": 0.2])
        let whole = try federation(job)
        let held = try whole.holdingOut(0.25)
        for (client, before) in zip(held.partition.clients, whole.partition.clients) {
            #expect(client.rows.count == before.rows.count - before.rows.count / 4)
            #expect(Set(client.rows).isSubset(of: before.rows))
        }
        let summary = try CorruptionSummary.describe(job, held)
        #expect(summary.clients.map(\.examples) == held.partition.clients.map(\.rows.count))
        let shared = self.job(
            [:], partition: ["scheme": "vertical", "base": "iid", "clients": 2, "sharedRows": true])
        let error = try #require(throws: DatasetError.self) { try federation(shared).holdingOut(0.5) }
        #expect(error.message.contains("perClientHoldOut: found 0.5, but clients of this partition share rows"))
    }

    @Test func theSeedIsTheJobsUnlessTheMapHasOne() throws {
        let map: Settings = ["missingLabels": 0.5]
        let first = try CorruptionSummary.describe(job(map), federation(job(map)))
        let again = try CorruptionSummary.describe(job(map), federation(job(map)))
        let other = try CorruptionSummary.describe(job(map, seed: 9), federation(job(map)))
        #expect(first == again)
        #expect(first.clients.map(\.unlabelled) != other.clients.map(\.unlabelled))
        let pinned = try CorruptionSummary.describe(
            job(map.merging(["seed": 8]) { $1 }, seed: 9), federation(job(map)))
        #expect(pinned == first)
    }

    /// A sample counts when the model can use it: with one modality fewer, fewer samples are left.
    @Test func onlyTheModelsModalitiesCount() throws {
        let map: Settings = ["missingModality": 0.5, "missingModalityUnit": "sample"]
        let both = try CorruptionSummary.describe(job(map), federation(job(map)))
        let one = job(map, model: ["name": "unimodal", "modalities": ["gyro"]])
        let single = try CorruptionSummary.describe(one, federation(one))
        for (client, own) in zip(both.clients, single.clients) {
            #expect(own.kept == own.examples - (own.missing["gyro"] ?? 0))
            #expect(own.missing == client.missing && own.kept <= client.kept)
        }
        #expect(single.kept < both.kept && both.kept < both.examples)
        let wrong = job(map, model: ["name": "har", "modalities": ["giro"]])
        let error = try #require(throws: DatasetError.self) {
            try CorruptionSummary.describe(wrong, federation(wrong))
        }
        #expect(error.message.hasSuffix("has no modality 'giro', expected one of acc, gyro"))
    }

    @Test func nothingHappensWithoutAMap() throws {
        let plain = job([:])
        let federation = try federation(plain)
        let summary = try CorruptionSummary.describe(plain, federation)
        #expect(summary.kept == federation.train.count && summary.skippedClients == 0 && summary.changedLabels == 0)
        #expect(summary.clients.allSatisfy { $0.missing == ["acc": 0, "gyro": 0] })
    }

    @Test func whatIsWrongWithTheMapsIsNamed() throws {
        let federation = try federation(job([:]))
        let corruption = try #require(throws: DatasetError.self) {
            try CorruptionSummary.describe(job(["missingModalities": 0.1]), federation)
        }
        #expect(
            corruption.message == "corruption: unknown key 'missingModalities': did you mean 'missingModality'?")
        for (job, expected) in [
            (job([:], data: "imagenet"), "data: found \"imagenet\", expected one of meld, "),
            (job([:], partition: ["scheme": "iid", "clients": [1, 2]]), "partition.clients: found a list"),
            (job([:], partition: ["scheme": "iid", "alphas": 1]), "partition parameter 'alphas' is not known"),
        ] {
            let error = try #require(throws: DatasetError.self) { try SitePartition.Request(job) }
            #expect(error.message.hasPrefix(expected), "\(error.message)")
        }
    }

    /// Dealing by subject takes as many clients as the job needs; a scheme of its own keeps its numbers.
    @Test func theNumberOfClientsIsTheJobs() throws {
        var bySubject = job([:], partition: [:])
        bySubject.clients = .init(minimum: 2, perRound: 3)
        #expect(try SitePartition.Request(bySubject).partition.clients == 3)
        #expect(try SitePartition.Request(bySubject).partition.scheme == .subject)
        #expect(try SitePartition.Request(job([:], partition: ["scheme": "iid"])).partition.clients == nil)
    }

    /// The counts that the benchmark's own code gives: 105 clients, lacking the accelerometer, the gyroscope, both.
    @Test(
        .enabled(if: RealData.uciHAR != nil, "TRIBUTARY_DATA does not name a folder that holds uci-har"),
        arguments: [(0.1, (8, 11, 1)), (0.3, (27, 32, 6)), (0.5, (49, 50, 24))])
    func theBenchmarksCountsOnUCIHAR(rate: Double, expected: (Int, Int, Int)) throws {
        let job = job(
            ["mode": "faithful", "missingModality": .double(rate)], data: "uci-har",
            partition: ["scheme": "fedmultimodal", "alpha": 0.1])
        let federation = try SitePartition.prepare(.init(job, data: RealData.uciHAR))
        let summary = try CorruptionSummary.describe(job, federation)
        #expect(summary.clients.count == 105)
        func lacking(_ modality: String) -> Int { summary.clients.count { $0.missing[modality] == $0.examples } }
        #expect((lacking("acc"), lacking("gyro"), summary.skippedClients) == expected)
        let skipped = summary.clients.filter(\.isSkipped).reduce(0) { $0 + $1.examples }
        #expect(summary.kept == summary.examples - skipped)
    }
}
