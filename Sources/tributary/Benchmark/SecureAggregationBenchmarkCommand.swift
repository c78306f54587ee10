import ArgumentParser
import Measurement
import Operator
import Privacy

/// `tributary benchmark secure-aggregation`: what hiding updates costs a client and the coordinator.
struct SecureAggregationBenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "secure-aggregation",
        abstract: "Measure secure aggregation: time and bytes of a client by step, and of the coordinator's unmasking.",
        discussion: """
            All clients and the coordinator run in this process, on one core. A client's times are the median of up to \
            five clients. Clients that drop out do so after they have shared their secrets, which costs the coordinator \
            most: it puts their mask keys together and recomputes their masks.

            EXAMPLE
              tributary benchmark secure-aggregation
              tributary benchmark secure-aggregation --clients 100 --degree 40 --elements 1000000 --json
            """
    )

    @Option(help: "Clients of a round, one number or several with commas.")
    var clients = "10,50,100"

    @Option(help: "Elements of the model.")
    var elements = 100_000

    @Option(help: "How many neighbours each client masks with; all the others when absent.")
    var degree: Int?

    @Flag(help: "Print one JSON object a figure.")
    var json = false

    private var counts: [Int] { clients.split(separator: ",").compactMap { Int($0) } }

    func validate() throws {
        guard !counts.isEmpty, counts.count == clients.split(separator: ",").count,
            counts.allSatisfy({ (3...1000).contains($0) })
        else { throw ValidationError("--clients: found \"\(clients)\", expected numbers from 3 to 1000 with commas") }
        guard (1...100_000_000).contains(elements) else {
            throw ValidationError("--elements: found \(elements), expected 1 to 100000000")
        }
        if let degree, !(2...254).contains(degree) {
            throw ValidationError("--degree: found \(degree), expected 2 to 254")
        }
        if degree == nil, counts.contains(where: { $0 > SecretSharing.maximumShares }) {
            throw ValidationError(
                "--degree: found none, expected one for more than \(SecretSharing.maximumShares) clients")
        }
    }

    func run() throws {
        for count in counts {
            for dropOuts in [0, 10, 30] {
                var measure = try SecureAggregationMeasure(
                    clients: count, elements: elements, degree: degree, dropOuts: count * dropOuts / 100)
                let name = "secure aggregation, \(count) clients"
                do {
                    try measure.run()
                } catch let error as PrivacyError {
                    // Too few neighbours are left somewhere: that is an answer.
                    Printer.note("\(name), \(dropOuts) % drop-outs: \(error)")
                    continue
                }
                if dropOuts == 0 { try BenchmarkFigure.show(clientFigures(measure, name), json: json) }
                try BenchmarkFigure.show(
                    [
                        BenchmarkFigure(
                            "\(name), unmasking, \(dropOuts) % drop-outs", measure.unmasking.map { $0 * 1000 },
                            unit: "ms")
                    ], json: json)
            }
        }
    }

    private func clientFigures(_ measure: SecureAggregationMeasure, _ name: String) -> [BenchmarkFigure] {
        SecureAggregationMeasure.Step.allCases.flatMap { step in
            [
                BenchmarkFigure(
                    "\(name), client, \(step.rawValue)", (measure.seconds[step] ?? [0]).map { $0 * 1000 }, unit: "ms"),
                BenchmarkFigure(
                    "\(name), client, \(step.rawValue), bytes", (measure.bytes[step] ?? [0]).map(Double.init), unit: "B"
                ),
            ]
        }
    }
}
