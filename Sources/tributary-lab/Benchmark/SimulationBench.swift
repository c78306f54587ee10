import Datasets
import Foundation
import Jobs
import Measurement
import Simulation

/// Runs simulations and takes their time; every one in a folder of its own that is removed again.
struct SimulationBench {
    /// Where real data lie; nil for none.
    var data: String?
    /// Timed repetitions of each figure.
    var repetitions: Int
    /// How many clients train at once.
    var workers: Int

    // MARK: Rounds

    /// The round of FedMultimodal on UCI-HAR.
    ///
    /// - Parameter rate: floating-point operations a second of all workers together.
    func activityRound(rate: Double) throws -> BenchmarkFigure {
        let isGenerated = !isThere(.uciHAR)
        let job = try BenchmarkJobs.activity(rounds: repetitions + 1, isGenerated: isGenerated)
        return try round("HAR round", job, isGenerated: isGenerated) { trained, evaluated in
            2 * MatrixProduct.activityMultiplyAdds * (3 * trained + evaluated) / rate
        }
    }

    /// The round of pfl-research's benchmark on CIFAR-10.
    func pictureRound(rate: Double) throws -> BenchmarkFigure {
        let isGenerated = !isThere(.cifar10)
        let job = BenchmarkJobs.pictures(rounds: repetitions + 1, isGenerated: isGenerated)
        return try round("CIFAR-10 round", job, isGenerated: isGenerated, scale: 0.1) { trained, _ in
            2 * MatrixProduct.pictureTrainingMultiplyAdds * trained / rate
        }
    }

    /// Seconds from the end of a round to that of the next, the first not counted.
    ///
    /// - Parameters:
    ///   - scale: the part of the real number of examples that is generated, where they are.
    ///   - limit: the least seconds of a round that trains on so many examples and evaluates so many.
    private func round(
        _ name: String, _ job: JobSpecification, isGenerated: Bool, scale: Double? = nil,
        limit: (_ trained: Double, _ evaluated: Double) -> Double
    ) throws -> BenchmarkFigure {
        try inFolder { folder in
            let source = try SimulationSource(
                job, path: isGenerated ? nil : data, scale: isGenerated ? scale : nil)
            var ends: [ContinuousClock.Instant] = []
            var trained = 0
            var evaluated: [String: Int] = [:]
            let run = try SimulationRun(
                job, data: source.data(for: job),
                options: .init(
                    output: folder, workers: workers, checkpointSeconds: 1e9, memoryBytes: 1 << 30),
                progress: { progress in
                    switch progress {
                    case .round: ends.append(.now)
                    case .metrics(let line) where line.split == "train": trained += line.examples
                    case .metrics(let line): evaluated[line.split] = line.examples
                    }
                })
            _ = try run.run()
            let seconds = zip(ends, ends.dropFirst()).map { ($1 - $0) / .seconds(1) }
            let floor = limit(Double(trained) / Double(job.rounds), Double(evaluated.values.reduce(0, +)))
            return figure(name, seconds, isGenerated: isGenerated, limit: floor)
        }
    }

    // MARK: Processes

    /// Logistic regression on MNIST, from the start of the process to its end.
    func digits() throws -> BenchmarkFigure {
        let isGenerated = !isThere(.mnist)
        let job = BenchmarkJobs.digits(isGenerated: isGenerated)
        let runs = try timed(repetitions: repetitions) { try simulate(job, isGenerated ? [] : dataOptions) }
        let reading = try timed(repetitions: repetitions) {
            if isGenerated {
                _ = try BenchmarkGenerator(.mnist).contents()
            } else {
                _ = try BenchmarkDataset.mnist.read(path: data)
            }
        }
        let limit = median(reading) + median(try starts())
        return figure("MNIST run of 100 rounds", runs, isGenerated: isGenerated, limit: limit)
    }

    /// A simulation of next to nothing, from the start of the process to its end.
    func start() throws -> BenchmarkFigure {
        let job = BenchmarkJobs.nothing()
        let runs = try timed(repetitions: repetitions) { try simulate(job, ["--scale", "0.001"]) }
        return figure("start of the simulator", runs, isGenerated: false, limit: median(try starts()))
    }

    /// Seconds in which the program loads its libraries and prints its version.
    private func starts() throws -> [Double] {
        try timed(repetitions: repetitions) { try launch(["--version"]) }
    }

    private var dataOptions: [String] { data.map { ["--data", $0] } ?? [] }

    private func simulate(_ job: JobSpecification, _ options: [String]) throws {
        try inFolder { folder in
            // A file of JSON is one of YAML.
            try job.canonicalJSON().write(to: URL(fileURLWithPath: "\(folder)/job.yaml"))
            try launch(
                ["simulate", "\(folder)/job.yaml", "--output", "\(folder)/run", "--workers", "\(workers)"] + options)
        }
    }

    /// Runs this program and waits for its end.
    private func launch(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw SimulationError(
                .failed, "tributary-lab \(arguments.joined(separator: " ")) ended with \(process.terminationStatus)")
        }
    }

    // MARK: Helpers

    private func isThere(_ benchmark: BenchmarkDataset) -> Bool {
        guard let data else { return false }
        return SitePartition.Source(benchmark: benchmark, isGenerated: false).isPresent(in: data)
    }

    private func figure(
        _ name: String, _ seconds: [Double], isGenerated: Bool, limit: Double
    ) -> BenchmarkFigure {
        BenchmarkFigure(isGenerated ? "\(name) (generated)" : name, seconds, unit: "s", limit: limit)
    }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private func inFolder<Value>(_ body: (String) throws -> Value) throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tributary-benchmark-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder.path)
    }
}
