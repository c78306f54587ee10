internal import Durability
internal import Foundation
internal import GRPCCore
public import Jobs
internal import SwiftProtobuf
internal import WireMessages

extension OperatorConnection {
    /// The model card of a job's newest weights, without the weights.
    public func card(job: String) async throws -> ModelCard {
        let data = try await translating {
            let request = Tributary_V1_ExportRequest.with {
                $0.job = job
                $0.round = "last"
                $0.cardOnly = true
            }
            // What comes after the header, from a coordinator that does not know the request, is left.
            return try await operations.export(request, options: options) { response -> Data in
                for try await message in response.messages {
                    if case .header(let header)? = message.part { return header.card }
                }
                throw OperatorError(.malformed, "the coordinator sent no export header")
            }
        }
        return try ModelCard(json: data)
    }
}

/// What a job found out about its sites and their updates, as files: the same as those of a simulation.
public struct JobReport: Sendable {
    /// The card that it is taken from.
    public let card: ModelCard

    /// A report of a card.
    public init(card: ModelCard) {
        self.card = card
    }

    /// Writes what there is: `cross-site.json`, `.csv` and `.svg`, `contributions.json`, `.csv` and `.svg`.
    ///
    /// - Returns: the paths.
    public func write(to folder: String) throws -> [String] {
        var files: [(name: String, bytes: [UInt8])] = []
        if let matrix = card.crossSite { files += try matrix.files() }
        if let totals = card.contributions {
            files += try totals.files()
            files.append(("contributions.svg", Array(ContributionChart(totals: totals).svg().utf8)))
        }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return try files.map { file in
            let path = "\(folder)/\(file.name)"
            try DurableFile.write(file.bytes, to: path, permissions: 0o644)
            return path
        }
    }

    /// The lines for people.
    public func lines() -> [String] {
        var lines: [String] = []
        if let matrix = card.crossSite {
            let metric = matrix.summary.metric
            var table = TextTable([("model", .left)] + matrix.sites.map { ($0.name, .right) })
            for row in matrix.models {
                table.add(
                    [row.site ?? "(global)"]
                        + row.metrics.map { $0[metric].map { String(format: "%.4f", $0) } ?? "-" })
            }
            lines += ["\(metric) of the model of each row on the examples of each column"] + table.lines()
            for row in matrix.models where !row.remark.isEmpty {
                lines.append("\(row.site ?? "(global)"): \(row.remark)")
            }
            let means = [
                ("own site", matrix.summary.own), ("other sites", matrix.summary.others),
                ("global model", matrix.summary.global),
            ].compactMap { name, value in value.map { String(format: "%@ %.4f", name as NSString, $0) } }
            lines.append("mean  \(means.joined(separator: "  "))")
        }
        if let totals = card.contributions, let round = totals.rounds.last {
            var table = TextTable([("client", .left), ("score", .right), ("standard error", .right)])
            for client in totals.clients {
                table.add([
                    client.name, String(format: "%+.4f", client.score),
                    client.standardError.map { String(format: "%.4f", $0) } ?? "-",
                ])
            }
            lines += ["contributions to round \(round.round) in \(round.utility)"] + table.lines()
        }
        return lines
    }
}
