import ArgumentParser
import Datasets
import Foundation
import Jobs
import Layers
import ModelZoo
import Randomness
import Tensors
import Training

/// `tributary-lab benchmark train`: a training step and an evaluation pass of the activity model on one thread, beside
/// what the machine can do at most.
struct TrainBenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Measure a training step and an evaluation pass of the activity model on one thread.",
        discussion: """
            Windows are generated. The limit of a figure is the time that its multiplications and additions would take at \
            the speed of a large matrix product, measured in the same run; the ratio is the figure over its limit.

            EXAMPLE
              tributary benchmark train
              tributary benchmark train --repetitions 9 --json
            """
    )

    @Option(help: "Timed repetitions, at least 5; the median, smallest and largest are printed.")
    var repetitions = 7

    @Option(help: "Windows of a training step.")
    var batchSize = 16

    @Flag(help: "Print one JSON object a figure.")
    var json = false

    func validate() throws {
        guard (5...1000).contains(repetitions) else {
            throw ValidationError("--repetitions: found \(repetitions), expected 5 to 1000")
        }
        guard (1...1024).contains(batchSize) else {
            throw ValidationError("--batch-size: found \(batchSize), expected 1 to 1024")
        }
    }

    /// One measured figure.
    private struct Figure: Codable {
        var name: String
        var value: Double
        var unit: String
        var low: Double
        var high: Double
        var limit: Double?
        var ratio: Double?
    }

    /// Multiply-adds of one window's forward pass: two towers of three convolutions (kernel 5, 128, 64 and 32 steps)
    /// and a recurrence of 16 steps over 128 features, the attention over 32 steps, and the classifier.
    private static let multiplyAdds: Double = {
        let tower = 128 * 5 * 3 * 32 + 64 * 5 * 32 * 64 + 32 * 5 * 64 * 128 + 16 * 2 * 3 * 128 * 128
        return Double(2 * tower + 32 * (128 * 512 + 512 * 6 + 6 * 128) + 768 * 64 + 64 * 6)
    }()

    func run() throws {
        try TorchRuntime.configure(threads: 1)
        let generator = try SyntheticHAR(.init(subjects: 6, windowsPerActivity: 4))
        let data = try generator.dataset(subjects: generator.splitSubjects.train)
        let manifest = SiteManifest(
            dataset: data.name, classes: data.classes, modalities: data.modalities, splits: [:])
        let entry = try ModelRegistry.make(["name": "har"], manifest: manifest, Initializer(seed: 8))

        let peak = try self.peak()
        let steps = 20
        var training = LocalTraining.Configuration()
        training.batchSize = batchSize
        let rows = data.all.selecting((0..<steps * batchSize).map { $0 % data.count })
        let step = try timed {
            _ = try LocalTraining.run(entry, on: rows, training, .init(seed: 8, round: 0, client: 0))
        }.map { $0 / Double(steps) }
        // Forward once, backward twice: with respect to inputs and to weights.
        let stepFloor = 3 * 2 * Self.multiplyAdds * Double(batchSize) / peak.median
        let windows = data.all.selecting((0..<1024).map { $0 % data.count })
        let pass = try timed { _ = try Evaluation.run(entry, on: windows) }.map { $0 / 1024 }
        let passFloor = 2 * Self.multiplyAdds / peak.median

        try show([
            Figure(
                name: "matrix product", value: peak.median / 1e9, unit: "GFLOP/s", low: peak.low / 1e9,
                high: peak.high / 1e9),
            figure("training step", step, scale: 1e3, unit: "ms", limit: stepFloor),
            figure("evaluation of a window", pass, scale: 1e6, unit: "µs", limit: passFloor),
        ])
    }

    /// Operations a second of a product of 1024 × 1024 matrices.
    private func peak() throws -> (median: Double, low: Double, high: Double) {
        let values = [Float](repeating: 0.5, count: 1 << 20)
        let matrix = try Tensor(values, shape: [1024, 1024])
        let rates = try timed { _ = try noGrad { () throws(TensorError) in try matrix.matmul(matrix) } }
            .map { 2 * 1024.0 * 1024 * 1024 / $0 }.sorted()
        return (rates[rates.count / 2], rates[0], rates[rates.count - 1])
    }

    /// Seconds of each repetition, after one that is not counted.
    private func timed(_ body: () throws -> Void) throws -> [Double] {
        try body()
        return try (0..<repetitions).map { _ in
            let start = ContinuousClock.now
            try body()
            return (ContinuousClock.now - start) / .seconds(1)
        }
    }

    private func figure(_ name: String, _ seconds: [Double], scale: Double, unit: String, limit: Double) -> Figure {
        let sorted = seconds.sorted()
        let median = sorted[sorted.count / 2]
        return Figure(
            name: name, value: median * scale, unit: unit, low: sorted[0] * scale,
            high: sorted[sorted.count - 1] * scale, limit: limit * scale, ratio: median / limit)
    }

    private func show(_ figures: [Figure]) throws {
        guard json else {
            for figure in figures {
                let name = figure.name.padding(toLength: 24, withPad: " ", startingAt: 0)
                var line = String(
                    format: "%@%8.2f %@  (%.2f to %.2f)", name as NSString, figure.value, figure.unit as NSString,
                    figure.low, figure.high)
                if let limit = figure.limit, let ratio = figure.ratio {
                    line += String(format: "  limit %.2f, ratio %.2f", limit, ratio)
                }
                print(line)
            }
            return
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        for figure in figures { print(String(decoding: try encoder.encode(figure), as: UTF8.self)) }
    }
}
