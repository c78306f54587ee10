import ArgumentParser
import Datasets
import Foundation
import Jobs
import Layers
import Measurement
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

    func run() throws {
        try TorchRuntime.configure(threads: 1)
        let generator = try SyntheticHAR(.init(subjects: 6, windowsPerActivity: 4))
        let data = try generator.dataset(subjects: generator.splitSubjects.train)
        let manifest = SiteManifest(
            dataset: data.name, classes: data.classes, modalities: data.modalities, splits: [:])
        let entry = try ModelRegistry.make(["name": "har"], manifest: manifest, Initializer(seed: 8))

        let peak = try MatrixProduct.peak(repetitions: repetitions)
        let steps = 20
        var training = LocalTraining.Configuration()
        training.batchSize = batchSize
        let rows = data.all.selecting((0..<steps * batchSize).map { $0 % data.count })
        let step = try timed(repetitions: repetitions) {
            _ = try LocalTraining.run(entry, on: rows, training, .init(seed: 8, round: 0, client: 0))
        }.map { $0 / Double(steps) }
        // Forward once, backward twice: with respect to inputs and to weights.
        let stepFloor = 3 * 2 * MatrixProduct.activityMultiplyAdds * Double(batchSize) / (peak.value * 1e9)
        let windows = data.all.selecting((0..<1024).map { $0 % data.count })
        let pass = try timed(repetitions: repetitions) { _ = try Evaluation.run(entry, on: windows) }
            .map { $0 / 1024 }
        let passFloor = 2 * MatrixProduct.activityMultiplyAdds / (peak.value * 1e9)

        try BenchmarkFigure.show(
            [
                peak,
                BenchmarkFigure("training step", step.map { $0 * 1e3 }, unit: "ms", limit: stepFloor * 1e3),
                BenchmarkFigure(
                    "evaluation of a window", pass.map { $0 * 1e6 }, unit: "µs", limit: passFloor * 1e6),
            ], json: json)
    }
}
