import Datasets
import Testing

/// The shape of each scheme's skew.
@Suite struct PartitionSkewTests {
    /// 6000 rows, row r has label r mod 10 and subject r mod 15, so that all is even.
    static let input: PartitionInput = {
        let rows = 0..<6000
        // swift-format-ignore: NeverUseForceTry
        return try! PartitionInput(
            labels: rows.map { $0 % 10 }, subjects: rows.map { $0 % 15 }, classes: 10, values: rows.map { Double($0) },
            modalities: 3)
    }()

    private func partition(_ partitioner: any Partitioner) throws -> Partition { try partitioner.partition(Self.input) }

    private func report(_ partitioner: any Partitioner) throws -> HeterogeneityReport {
        try HeterogeneityReport(partition(partitioner), labels: Self.input.labels, classes: 10)
    }

    @Test func iidClientsAreAlike() throws {
        let report = try report(IIDPartitioner(clients: 7, seed: 1))
        #expect(report.sizes.max - report.sizes.min <= 1)
        #expect(report.entropy.min > 3.25)
        #expect(report.distance.max < 0.12)
        #expect(report.clients[0].id == "client-1")
        #expect(try self.report(IIDPartitioner(clients: 10, seed: 1)).clients.map(\.id).first == "client-01")
    }

    @Test func naturalClientsAreSubjects() throws {
        let partition = try partition(NaturalPartitioner())
        #expect(partition.clients.map(\.id) == (0..<15).map(String.init))
        #expect(partition.clients[4].rows == Array(stride(from: 4, to: 6000, by: 15)))
    }

    @Test func groupsKeepSubjectsTogether() throws {
        let partition = try partition(GroupedPartitioner(groupSize: 4, seed: 2))
        let groups = partition.clients.map { client in Set(client.rows.map { $0 % 15 }) }
        #expect(groups.map(\.count) == [4, 4, 4, 3])
        #expect(groups.reduce(into: Set()) { $0.formUnion($1) }.count == 15)
    }

    @Test func smallConcentrationsAreHeterogeneous() throws {
        let reports = try [0.05, 0.5, 5, 500].map {
            try report(DirichletPartitioner(clients: 12, alpha: $0, minimum: 2, seed: 3))
        }
        let entropies = reports.map(\.entropy.mean)
        #expect(entropies == entropies.sorted())
        let distances = reports.map(\.distance.mean)
        #expect(distances == distances.sorted(by: >))
        #expect(entropies[0] < 1.5)
        #expect(entropies[3] > 3.3)
    }

    /// No client gets a further class once it has its even share: sizes stay below that share plus one class.
    @Test func balancingEvensOutSizes() throws {
        let plain = try report(DirichletPartitioner(clients: 12, alpha: 0.1, seed: 4))
        let balanced = try report(DirichletPartitioner(clients: 12, alpha: 0.1, isBalanced: true, seed: 4))
        #expect(balanced.sizes.std < plain.sizes.std)
        #expect(balanced.sizes.max <= 500 + 600)
    }

    @Test func innerDirichletKeepsTheSizesGiven() throws {
        let even = try report(InnerDirichletPartitioner(clients: 8, alpha: 0.1, seed: 5))
        #expect(even.sizes.min == 750)
        #expect(even.sizes.max == 750)
        #expect(even.entropy.mean < 2.6)
        let mild = try report(InnerDirichletPartitioner(clients: 8, alpha: 100, seed: 5))
        #expect(mild.entropy.min > 3.2)
        let spread = try report(InnerDirichletPartitioner(clients: 8, alpha: 100, sizeSpread: 1, minimum: 30, seed: 5))
        #expect(spread.sizes.max > 3 * spread.sizes.min)
    }

    @Test(arguments: [1, 2, 3, 10])
    func pathologicalClientsHaveTheirClasses(count: Int) throws {
        let report = try report(PathologicalPartitioner(clients: 20, classesPerClient: count, seed: 6))
        #expect(report.classesPerClient.min == Double(count))
        #expect(report.classesPerClient.max == Double(count))
        // 20 · count places for 10 classes: every class has 2 · count holders, so all sizes are equal.
        for label in 0..<10 { #expect(report.clients.count { $0.labels[label] > 0 } == 2 * count) }
        #expect(report.sizes.max == 300)
    }

    @Test func shardsHoldFewClasses() throws {
        // 40 shards of 150 rows divide each class of 600 evenly, so a client has 1 or 2 classes.
        let report = try report(ShardPartitioner(clients: 20, shardsPerClient: 2, seed: 7))
        #expect(report.classesPerClient.max == 2)
        #expect(report.clients.allSatisfy { $0.labels.allSatisfy { $0 % 150 == 0 } })
    }

    @Test func sizesFollowTheirLaw() throws {
        let linear = try partition(SizeSkewPartitioner(clients: 5, law: .linear, seed: 8)).clients.map(\.rows.count)
        #expect(linear == [400, 800, 1200, 1600, 2000])
        #expect(try report(SizeSkewPartitioner(clients: 5, law: .linear, seed: 8)).distance.max < 0.15)
        let square = try partition(SizeSkewPartitioner(clients: 3, law: .square, seed: 8)).clients.map(\.rows.count)
        #expect(square == [429, 1714, 3857])
        let exponential = try partition(
            SizeSkewPartitioner(clients: 300, law: .exponential, minimum: 3, seed: 8)
        ).clients.map(\.rows.count)
        #expect(exponential[0] == 3)
        #expect(abs(Double(exponential[299]) / Double(exponential[298]) - 2.718) < 0.01)
        let logNormal = try report(SizeSkewPartitioner(clients: 200, law: .logNormal, spread: 1, seed: 8))
        // The coefficient of variation of a log-normal number with σ = 1 is √(e − 1) ≈ 1.31.
        #expect((0.8...2.2).contains(logNormal.sizes.std / logNormal.sizes.mean))
    }

    @Test func strictnessSortsByValue() throws {
        let strict = try partition(ContinuousSkewPartitioner(clients: 4, seed: 9))
        #expect(strict.clients.map(\.rows) == (0..<4).map { Array($0 * 1500..<($0 + 1) * 1500) })
        func gap(_ strictness: Double) throws -> Double {
            let clients = try partition(ContinuousSkewPartitioner(clients: 4, strictness: strictness, seed: 9)).clients
            let means = clients.map { Double($0.rows.reduce(0, +)) / 1500 }
            return means[3] - means[0]
        }
        #expect(try abs(gap(0)) < 300)
        #expect(try gap(0.5) > 1500)
        #expect(try gap(0.5) < gap(0.8))
        #expect(try gap(1) == 4500)
    }

    @Test func naturalDirichletNeverMixesSubjects() throws {
        let partition = try partition(
            NaturalDirichletPartitioner(clientsPerSubject: 3, alpha: 0.3, minimum: 2, seed: 10))
        #expect(partition.clients.count == 45)
        for client in partition.clients {
            let subjects = Set(client.rows.map { $0 % 15 })
            #expect(subjects.count == 1)
            #expect(client.id.hasPrefix("\(subjects.first ?? -1)-"))
        }
        // A subject's draws do not depend on who else is there.
        let rows = (0..<6000).filter { $0 % 15 == 6 }
        let alone = try NaturalDirichletPartitioner(clientsPerSubject: 3, alpha: 0.3, minimum: 2, seed: 10).partition(
            PartitionInput(labels: rows.map { $0 % 10 }, subjects: rows.map { _ in 6 }, classes: 10))
        #expect(
            alone.clients.map { $0.rows.map { rows[$0] } }
                == partition.clients.filter { $0.id.hasPrefix("6-") }.map(\.rows))
    }

    @Test func featureSkewLeavesTheRowsAlone() throws {
        let base = IIDPartitioner(clients: 50, seed: 11)
        let plain = try partition(base)
        let skewed = try partition(
            FeatureSkewPartitioner(base: base, gainSpread: 0.5, offsetSpread: 2, noise: 1, seed: 11))
        #expect(skewed.clients.map(\.rows) == plain.clients.map(\.rows))
        let traits = skewed.clients.compactMap(\.traits)
        #expect(traits.count == 50)
        #expect(traits.allSatisfy { $0.gain > 0 && $0.modalities == nil })
        #expect(Set(traits.map(\.offset)).count == 50)
        #expect(traits.map(\.noise) == (1...50).map { Double($0) / 50 })
        let none = try partition(
            FeatureSkewPartitioner(base: base, gainSpread: 0, offsetSpread: 0, noise: 0, seed: 11))
        #expect(none.clients.allSatisfy { $0.traits == ClientTraits() })
    }

    @Test func verticalClientsHaveSomeModalities() throws {
        let base = IIDPartitioner(clients: 4, seed: 12)
        let sites = try partition(VerticalPartitioner(base: base))
        #expect(sites.clients.map(\.traits?.modalities) == [[0], [1], [2], [0]])
        #expect(!sites.sharesRows)
        let parties = try partition(VerticalPartitioner(base: base, modalitiesPerClient: 2, sharesRows: true))
        #expect(parties.clients.prefix(2).map(\.id) == ["client-1-m0", "client-1-m1"])
        #expect(parties.clients.prefix(2).map(\.traits?.modalities) == [[0, 1], [2]])
        #expect(parties.clients[0].rows == parties.clients[1].rows)
        #expect(parties.sharesRows)
    }
}
