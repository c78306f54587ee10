import ArgumentParser
import Foundation
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
            most: it puts their mask keys together and recomputes their masks. With --projections the norms of masked \
            updates are checked as well; the client's time for that is beside its unmasking.

            Every number of clients is measured with every number of elements, or with --cross only the two axes: all \
            numbers of clients with the first of --elements, and all numbers of elements with the first of --clients. \
            Along these axes the exponents of the fitted power laws are printed, all points and the three largest: 1 \
            means that a cost grows as its size does.

            EXAMPLE
              tributary benchmark secure-aggregation
              tributary benchmark secure-aggregation --clients 100 --degree 40 --elements 1000000 --json
              tributary benchmark secure-aggregation --clients 10 --elements 10000,100000,1000000 --plot costs.svg
              tributary benchmark secure-aggregation --clients 100,30,300,1000 --elements 100000,10000,1000000 \
            --degree 40 --cross --plot costs.svg
              tributary benchmark secure-aggregation --clients 10 --elements 10000,100000 --projections 32
            """
    )

    @Option(help: "Clients of a round, one number or several with commas.")
    var clients = "10,50,100"

    @Option(help: "Elements of the model, one number or several with commas.")
    var elements = "100000"

    @Option(help: "How many neighbours each client masks with; all the others when absent.")
    var degree: Int?

    @Flag(
        help: "Only the two axes: the first of --elements with all clients, the first of --clients with all elements.")
    var cross = false

    @Option(help: "Check the norms of masked updates by so many random sums: 32, 64, 96 or 128.")
    var projections: Int?

    @Option(
        help: "Write the time of a client and of the coordinator over clients and the model's size as SVG.",
        completion: .file())
    var plot: String?

    @Flag(help: "Print one JSON object a figure.")
    var json = false

    private var counts: [Int] { clients.split(separator: ",").compactMap { Int($0) } }
    private var sizes: [Int] { elements.split(separator: ",").compactMap { Int($0) } }

    func validate() throws {
        guard !counts.isEmpty, counts.count == clients.split(separator: ",").count,
            counts.allSatisfy({ (3...1000).contains($0) })
        else { throw ValidationError("--clients: found \"\(clients)\", expected numbers from 3 to 1000 with commas") }
        guard !sizes.isEmpty, sizes.count == elements.split(separator: ",").count,
            sizes.allSatisfy({ (1...100_000_000).contains($0) })
        else {
            throw ValidationError(
                "--elements: found \"\(elements)\", expected numbers from 1 to 100000000 with commas")
        }
        if let degree, !(2...254).contains(degree) {
            throw ValidationError("--degree: found \(degree), expected 2 to 254")
        }
        if let projections, ![32, 64, 96, 128].contains(projections) {
            throw ValidationError("--projections: found \(projections), expected 32, 64, 96 or 128")
        }
        if degree == nil, counts.contains(where: { $0 > SecretSharing.maximumShares }) {
            throw ValidationError(
                "--degree: found none, expected one for more than \(SecretSharing.maximumShares) clients")
        }
        try PlotFile.check(plot)
    }

    func run() throws {
        var costs = SecureAggregationCosts(clients: counts[0], elements: sizes[0])
        for count in counts {
            for size in sizes where !cross || count == counts[0] || size == sizes[0] {
                let name = "secure aggregation, \(count) clients" + (sizes.count > 1 ? ", \(size) elements" : "")
                var prepared = try SecureAggregationMeasure(
                    clients: count, elements: size, degree: degree, projections: projections ?? 0)
                try prepared.prepare()
                for dropOuts in [0, 10, 30] {
                    var measure = prepared
                    do {
                        try measure.finish(dropOuts: count * dropOuts / 100)
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
                        ]
                            + (projections == nil
                                ? []
                                : [
                                    BenchmarkFigure(
                                        "\(name), check of norms, \(dropOuts) % drop-outs",
                                        measure.normCheck.map { $0 * 1000 }, unit: "ms")
                                ]),
                        json: json)
                    costs.add(measure, clients: count, elements: size, dropOuts: dropOuts)
                }
            }
        }
        try BenchmarkFigure.show(costs.curves.flatMap(\.exponents), json: json)
        if let plot { try PlotFile.write(GrowthCurve.chart(costs.curves), to: plot) }
    }

    private func clientFigures(_ measure: SecureAggregationMeasure, _ name: String) -> [BenchmarkFigure] {
        SecureAggregationMeasure.Step.allCases.filter { $0 != .projecting || projections != nil }.flatMap { step in
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
