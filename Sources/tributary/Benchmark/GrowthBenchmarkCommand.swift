import ArgumentParser
import Foundation
import LoadTest
import Measurement
import Operator

/// `tributary benchmark growth`
struct GrowthBenchmarkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "growth",
        abstract: "Measure how rounds and the coordinator's memory grow with clients and with the model.",
        discussion: """
            EXAMPLE
              tributary benchmark growth --plot growth.svg
              tributary benchmark growth --clients 2 --clients 200 --sizes 4096 --sizes 4000000

            Prints every point and the exponents of the fitted power laws, all points and the three largest: 1 means \
            that a cost grows as its size does.
            """
    )

    @Option(help: "Numbers of clients; repeatable; 2 to 5000 unless given.")
    var clients: [Int] = []

    @Option(help: "Sizes of the model in bytes; repeatable; 4 kB to 100 MB unless given.")
    var sizes: [Int] = []

    @Option(help: "Rounds that count at each point; fewer with a thousand clients and more.")
    var rounds = 20

    @Option(help: "Draws the curves into this SVG file.", completion: .file(extensions: ["svg"]))
    var plot: String?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (2...10_000).contains(rounds) else { throw ValidationError("--rounds: expected 2 to 10000") }
        guard clients.allSatisfy({ (1...10_000).contains($0) }) else {
            throw ValidationError("--clients: expected 1 to 10000")
        }
        guard sizes.allSatisfy({ (4...(2 << 30)).contains($0) }) else {
            throw ValidationError("--sizes: expected 4 to 2147483648 bytes")
        }
        try PlotFile.check(plot)
    }

    func run() async throws {
        var measure = GrowthMeasure(programs: try OwnPrograms.folder())
        if !clients.isEmpty { measure.clients = clients }
        if !sizes.isEmpty { measure.sizes = sizes.map { $0 / 4 * 4 } }
        measure.rounds = rounds
        let result = try await measure.run { Printer.note($0) }
        try BenchmarkFigure.show(result.figures, json: output.json)
        if let plot { try PlotFile.write(result.chart(), to: plot) }
    }
}
