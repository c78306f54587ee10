import Datasets
import Foundation
import Jobs
import TestSupport
import Testing
import Weights

@testable import Simulation

/// What each attack makes of examples and updates, by hand.
@Suite struct AttackTests {
    private let context = AttackContext(seed: 8, round: 2, client: 5)

    private func update(_ values: [Float]) throws -> Weights { try Weights([("w", [values.count], values)]) }

    private func changed(_ attack: any UpdateAttack, _ values: [Float]) throws -> (Weights, TaskStatistics) {
        var update = try update(values)
        var statistics = TaskStatistics(examples: 10)
        try attack.change(&update, &statistics, context)
        return (update, statistics)
    }

    @Test func factorsAndClaims() throws {
        #expect(try changed(ScaledUpdate(factor: -2), [1, -0.5]).0.floats("w") == [-2, 1])
        #expect(try changed(NotANumber(), [1, 2]).0.floats("w").allSatisfy(\.isNaN))
        let (honest, claim) = try changed(GiantWeight(examples: 1_000_000_000_000), [1, 2])
        #expect(try honest.floats("w") == [1, 2])
        #expect(claim.examples == 1_000_000_000_000)
    }

    @Test func noiseHasTheDeviationAskedFor() throws {
        let values = [Float](repeating: 0.5, count: 20_000)
        let noise = try changed(GaussianNoise(scale: 4), values).0.floats("w").map(Double.init)
        let mean = noise.reduce(0, +) / 20_000
        let deviation = (noise.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000).squareRoot()
        #expect(abs(mean) < 0.06)
        #expect(abs(deviation - 2) < 0.05)
        #expect(try changed(GaussianNoise(scale: 4), values).0 == changed(GaussianNoise(scale: 4), values).0)
        let schema = try update(values).schema
        #expect(try FreeRider(behaviour: .zero, scale: 1).update(schema, context).norm == 0)
        #expect(try FreeRider(behaviour: .noise, scale: 1).update(schema, context).norm > 100)
    }

    /// Python: `statistics.NormalDist().inv_cdf((n - m - s) / (n - m))` with `s = n // 2 + 1 - m`.
    @Test(arguments: [(50, 24, 1.4260768722728474), (20, 4, 0.15731068461017073), (51, 12, 0.36120163771131925)])
    func theLargestDeviationThatALittleMayHave(clients: Int, hostile: Int, expected: Double) {
        #expect(abs(LittleIsEnough.allowed(clients: clients, hostile: hostile) - expected) < 1e-12)
        #expect(LittleIsEnough.allowed(clients: 4, hostile: 3) == 0)
        #expect(LittleIsEnough.allowed(clients: 4, hostile: 4) == 0)
    }

    @Test(arguments: [0, 1 << 20])
    func colludersShareMeanAndDeviation(memory: Int) throws {
        let folder = try TemporaryFolder()
        let store = WeightsStore(path: folder.file("waiting"), budget: memory)
        // More than a block, so that the second one counts too.
        let count = 5000
        let members = try [1, 3, 5].map { factor in
            try store.keep(update((0..<count).map { Float(factor * ($0 % 7)) }))
        }
        let little = try Collusion.update(of: members, LittleIsEnough(z: 0.5)).floats("w")
        let inner = try Collusion.update(of: members, InnerProductManipulation(scale: 2)).floats("w")
        for index in 0..<count {
            let value = Double(index % 7)
            // 1, 3, 5: mean 3, deviation √(8/3).
            #expect(abs(Double(little[index]) - (3 - 0.5 * (8.0 / 3).squareRoot()) * value) < 1e-5)
            #expect(inner[index] == Float(-6 * value))
        }
    }

    private func images() throws -> MultimodalDataset {
        try MultimodalDataset(
            name: "toy", classes: ["a", "b", "c"], modalities: [Modality(name: "image", shape: [1, 10, 12])],
            values: [[Float](repeating: 0, count: 6 * 120)], labels: [0, 1, 2, 0, 1, 2])
    }

    @Test func labelsAreTurnedRound() throws {
        let data = try images()
        #expect(try LabelFlip().poisoned(data.all, context).labels == [2, 1, 0, 2, 1, 0])
    }

    @Test func theTriggerIsACornerAndLeadsToTheTarget() throws {
        // Axes of 10 and 12: two places of each.
        #expect(Backdoor.places([1, 10, 12]) == [0, 1, 12, 13])
        #expect(Backdoor.places([128, 3]).count == 48)
        #expect(Backdoor.places([16]) == [0, 1])
        var settings = AttackSettings(kind: .backdoor)
        settings.target = 1
        settings.trigger = 3
        let backdoor = Backdoor(settings)
        let poisoned = try backdoor.poisoned(images().all, context)
        let sums = (0..<6).map { poisoned.selecting([$0]).gather(modality: 0).reduce(0, +) }
        #expect(sums.count { $0 == 12 } == 3)
        #expect(sums.count { $0 == 0 } == 3)
        for (row, sum) in sums.enumerated() {
            #expect(poisoned.labels[row] == (sum == 12 ? 1 : [0, 1, 2, 0, 1, 2][row]))
        }
        let evaluation = try backdoor.evaluation(images().all)
        #expect(evaluation.labels == [0, 2, 0, 2])
        #expect(evaluation.gather(modality: 0).reduce(0, +) == 48)
    }
}
