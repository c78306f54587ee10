import ArgumentParser
import Datasets
import Foundation
import Jobs
import Measurement
import Simulation
import Tensors

/// `tributary-lab benchmark simulate`: whole simulations beside what the machine can do at most.
struct SimulateBenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Measure rounds of simulations, a whole run, and the simulator's start.",
        discussion: """
            - har: a round of FedMultimodal on UCI-HAR, 10 of 105 clients, both held-out splits evaluated;
            - mnist: logistic regression with 1,000 clients, 10 a round, 100 rounds, evaluated every 20, as a process of its \
            own that reads the data;
            - cifar10: a round of pfl-research's benchmark, 50 clients of 50 pictures, a network of 1.6 million parameters;
            - start: a simulation of one round over 60 pictures, as a process of its own.

            The limit of a round is the time that its multiplications and additions would take on all workers at the speed \
            of a large matrix product; that of the start is the time in which the program prints its version, that of the \
            MNIST run the start and the reading of its files. All are measured in the same run. A data set that is not in \
            --data is generated, and the figure's name says so.

            EXAMPLE
              tributary benchmark simulate --data ~/data
              tributary benchmark simulate --only har,cifar10 --json
            """
    )

    /// The figures that there are.
    enum Part: String, CaseIterable {
        case har, mnist, cifar10, start
    }

    @Option(help: "The folder that holds uci-har, mnist and cifar10 (TRIBUTARY_DATA).", completion: .directory)
    var data: String?

    @Option(help: "Timed repetitions, at least 5; the median, smallest and largest are printed.")
    var repetitions = 5

    @Option(help: "How many clients train at once; the machine's cores unless given.")
    var workers: Int?

    @Option(help: "Figures, with commas between: har, mnist, cifar10, start.")
    var only = "har,mnist,cifar10,start"

    @Flag(help: "Print one JSON object a figure.")
    var json = false

    func validate() throws {
        guard (5...1000).contains(repetitions) else {
            throw ValidationError("--repetitions: found \(repetitions), expected 5 to 1000")
        }
        guard (1...1024).contains(workers ?? 1) else {
            throw ValidationError("--workers: found \(workers ?? 0), expected 1 to 1024")
        }
        if let data {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: data, isDirectory: &isFolder), isFolder.boolValue else {
                throw ValidationError(
                    "--data: found \(data), which is no folder; without --data all data are generated")
            }
        }
        _ = try parts()
    }

    func run() throws {
        do {
            try measure()
        } catch let error where !(error is ExitCode) {
            FileHandle.standardError.write(Data("tributary benchmark: \(error)\n".utf8))
            throw ExitCode.failure
        }
    }

    private func parts() throws -> [Part] {
        try only.split(separator: ",").map { word in
            guard let part = Part(rawValue: word.trimmingCharacters(in: .whitespaces)) else {
                throw ValidationError(
                    "--only: found \"\(word)\", expected \(Part.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return part
        }
    }

    private func measure() throws {
        try TorchRuntime.configure(threads: 1)
        let bench = SimulationBench(
            data: data ?? ProcessInfo.processInfo.environment["TRIBUTARY_DATA"], repetitions: repetitions,
            workers: workers ?? ProcessInfo.processInfo.activeProcessorCount)
        let peak = try MatrixProduct.peak(repetitions: repetitions)
        try BenchmarkFigure.show([peak], json: json)
        let rate = peak.value * 1e9 * Double(bench.workers)
        for part in try parts() {
            let figure =
                switch part {
                case .har: try bench.activityRound(rate: rate)
                case .cifar10: try bench.pictureRound(rate: rate)
                case .mnist: try bench.digits()
                case .start: try bench.start()
                }
            try BenchmarkFigure.show([figure], json: json)
        }
    }
}
