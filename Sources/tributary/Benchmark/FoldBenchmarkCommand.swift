import Aggregation
import ArgumentParser
import Federation
import Foundation
import Jobs
import Measurement

/// `tributary benchmark fold`: how fast the updates of a round become new weights, beside how fast memory can be read.
struct FoldBenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fold",
        abstract: "Measure the aggregation of a round, for one rule or for all.",
        discussion: """
            The updates are files of random numbers, read as the coordinator reads its spool: from the page cache, or with \
            --disk from the disk of a folder, of which the page cache forgets them before every repetition. A figure is the \
            bytes of all updates over the time of the whole fold; its limit is a streaming read of memory on all cores, \
            measured in the same run.

            EXAMPLE
              tributary benchmark fold
              tributary benchmark fold --rule median --updates 16 --elements 25000000 --json
              tributary benchmark fold --rule all
              tributary benchmark fold --disk /var/tmp
            """
    )

    @Option(help: "Updates of the round.")
    var updates = 16

    @Option(help: "Elements of the model, 32-bit floats.")
    var elements = 25_000_000

    @Option(help: "A rule of the job file's aggregation map, or all.")
    var rule = "mean"

    @Option(help: "Timed repetitions, at least 5; the median, smallest and largest are printed.")
    var repetitions = 5

    @Option(help: "Read from the disk that this folder is on instead of from the page cache.")
    var disk: String?

    @Flag(help: "Print one JSON object a figure.")
    var json = false

    func validate() throws {
        func require(_ value: Int, _ range: ClosedRange<Int>, _ option: String) throws {
            guard range.contains(value) else {
                throw ValidationError("\(option): found \(value), expected \(range.lowerBound) to \(range.upperBound)")
            }
        }
        try require(updates, 1...10_000, "--updates")
        try require(elements, 1...10_000_000_000, "--elements")
        try require(repetitions, 5...1000, "--repetitions")
        if rule != "all" { _ = try pipeline(rule) }
    }

    func run() throws {
        let rules = rule == "all" ? AggregationSettings.Rule.allCases.map(\.rawValue) : [rule]
        let round = try FoldRound(updates: updates, elements: elements, folder: disk)
        defer { round.remove() }
        let bandwidth = MemoryBandwidth(repetitions: repetitions)
        try BenchmarkFigure.show([bandwidth.oneCore, bandwidth.allCores], json: json)
        for rule in rules {
            let pipeline = try pipeline(rule)
            guard updates >= pipeline.rule.minimumUpdates else {
                note("\(rule) needs \(pipeline.rule.minimumUpdates) updates, there are \(updates)")
                continue
            }
            let strategy = try AggregationStrategies.make(.weightedMean, pipeline: pipeline)
            let seconds = try measure {
                try round.fold(
                    strategy, hasHistory: pipeline.rule.needsHistory, forgetting: disk != nil)
            }
            let bytes = Double(updates) * Double(elements) * 4
            let name = "fold, \(rule), \(updates) × \(elements) float32\(disk == nil ? "" : ", from disk")"
            try BenchmarkFigure.show(
                [
                    BenchmarkFigure(
                        name, seconds.map { bytes / $0 / 1e9 }, unit: "GB/s", limit: bandwidth.allCores.value)
                ], json: json)
        }
    }

    /// The timed part of each repetition, after one that is not counted.
    private func measure(_ body: () throws -> Duration) throws -> [Double] {
        _ = try body()
        return try (0..<repetitions).map { _ in try body() / .seconds(1) }
    }

    /// A job's pipeline with the rule's standard numbers.
    private func pipeline(_ rule: String) throws -> AggregationPipeline {
        var aggregation: Settings = ["rule": .string(rule)]
        if rule == AggregationSettings.Rule.fltrust.rawValue { aggregation["trusted"] = .string(FoldRound.client(0)) }
        let job = JobSpecification(
            name: "fold", model: ["name": "none"], data: "none", rounds: 1, aggregation: aggregation)
        do {
            return try job.aggregationPipeline()
        } catch let error as JobsError {
            throw ValidationError(error.message)
        }
    }

    private func note(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}
