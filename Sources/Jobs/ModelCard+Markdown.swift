import Foundation

extension ModelCard {
    /// The card for people.
    public func markdown() -> String {
        var lines = ["# \(Self.escaped(specification.name))", ""]
        let standing = weights.round.map { "after round \($0) of \(specification.rounds)" } ?? "before the first round"
        lines += [
            "Weights of the model `\(Self.code(specification.modelName))` \(standing), trained by the federation "
                + "\(Self.escaped(federation)) on the data set `\(Self.code(specification.data))` without moving the data.",
            "",
            "| | |", "|---|---|",
            "| job | `\(Self.code(job.id))` by \(Self.escaped(job.operator)), \(job.status.state.rawValue)"
                + (job.status.reason.isEmpty ? "" : ": \(Self.escaped(job.status.reason))") + " |",
            "| submitted | \(Self.time(job.submittedAt)) |",
        ]
        if let ended = job.endedAt { lines.append("| ended | \(Self.time(ended)) |") }
        lines += [
            "| weights | `\(Self.code(weights.digest))` |",
            "| size | \(weights.bytes) bytes, \(weights.tensors) tensors, \(weights.parameters) values |",
            "| schema | `\(Self.code(weights.schema))` |",
            "| initial weights | `\(Self.code(initialWeights))` |",
            "| rounds completed | \(lineage.count) |",
        ]
        if let bestRound {
            lines.append("| best round by \(Self.escaped("\(specification.selectBy)")) | \(bestRound) |")
        }
        if let privacy {
            lines.append(
                "| differential privacy | epsilon \(Self.figure(privacy.epsilon)) at delta \(privacy.delta), "
                    + "\(privacy.neighbours); \(privacy.mechanism), noise multiplier \(privacy.noiseMultiplier), "
                    + "accountant \(privacy.accountant) |")
        }
        lines.append("| written by | \(Self.escaped(software)) |")
        lines += section(
            "Metrics", ["metric", "value"],
            metrics.sorted { $0.key < $1.key }.map { [Self.escaped($0.key), Self.figure($0.value)] })
        if lineage.contains(where: { $0.figures != nil }) {
            lines += ["", "Clients withheld their training figures, as the job's protection asks."]
        }
        lines += crossSiteSection + contributionSection
        lines += section(
            "Clients", ["client", "chosen", "admitted", "examples"],
            clients.map { [Self.escaped($0.name), "\($0.rounds)", "\($0.admitted)", Self.count($0.examples)] })
        lines += section("Trainers", ["trainer and libraries", "clients"], trainers)
        lines += section(
            "Lineage", ["round", "attempt", "admitted", "examples", "bytes received", "evaluation", "weights"],
            lineage.map(row))
        lines += section("Refusals", ["round", "client", "code", "reason"], refusals)
        lines += section("Left out of the aggregation", ["round", "client", "reason"], leftOut)
        return lines.joined(separator: "\n") + "\n"
    }

    private var crossSiteSection: [String] {
        guard let crossSite else { return [] }
        let metric = crossSite.summary.metric
        return section(
            "\(Self.escaped(metric)) of the model of each row on the examples of each column",
            ["model"] + crossSite.sites.map { Self.escaped($0.name) } + ["remark"],
            crossSite.models.map { row in
                [row.site.map(Self.escaped) ?? "global"]
                    + row.metrics.map { $0[metric].map(Self.figure) ?? "" }
                    + [Self.escaped(row.remark)]
            })
    }

    private var contributionSection: [String] {
        guard let contributions, let round = contributions.rounds.last else { return [] }
        let method = round.settings.method == .loo ? "leave-one-out" : "Shapley values"
        return section(
            "Contributions to round \(round.round) (\(method), \(Self.escaped(round.utility)))",
            ["client", "score", "standard error"],
            contributions.clients.map {
                [Self.escaped($0.name), Self.figure($0.score), $0.standardError.map(Self.figure) ?? ""]
            })
    }

    private var trainers: [[String]] {
        var clients: [String: Set<String>] = [:]
        for update in lineage.flatMap(\.admitted) where !update.trainer.isEmpty {
            clients[Self.list(update.trainer), default: []].insert(update.client)
        }
        if !initialTrainer.isEmpty { clients[Self.list(initialTrainer), default: []].insert("initial weights") }
        return clients.sorted { $0.key < $1.key }
            .map { [$0.key, Participants.sorted($0.value).map(Self.escaped).joined(separator: ", ")] }
    }

    private var refusals: [[String]] {
        lineage.flatMap { round in
            round.refusals.map {
                ["\(round.round)", Self.escaped($0.client), Self.escaped($0.code), Self.escaped($0.reason)]
            }
        }
    }

    private var leftOut: [[String]] {
        lineage.flatMap { round in
            round.admitted.compactMap { update in
                update.leftOut.map { ["\(round.round)", Self.escaped(update.client), Self.escaped($0)] }
            }
        }
    }

    private func row(_ round: Round) -> [String] {
        let metric = specification.selectBy.metric
        return [
            "\(round.round)", "\(round.attempt)",
            round.admitted.map { Self.escaped($0.client) + Self.age($0.staleness) }.joined(separator: ", "),
            Self.count(Self.sum(round.admitted.map(\.examples))),
            "\(round.admitted.reduce(0) { $0 + ($1.bytes ?? 0) })",
            round.evaluation[metric].map { "\(Self.escaped(metric)) \(Self.figure($0))" } ?? "",
            "`\(Self.code(String(round.weights.prefix(16))))`",
        ]
    }

    /// How old an update of an asynchronous job was; nothing for one that started from the newest weights.
    private static func age(_ staleness: Int?) -> String {
        guard let staleness, staleness > 0 else { return "" }
        return " (\(staleness) version\(staleness == 1 ? "" : "s") old)"
    }

    /// A heading and a table; nothing for an empty table.
    private func section(_ title: String, _ header: [String], _ rows: [[String]]) -> [String] {
        guard !rows.isEmpty else { return [] }
        let table = [header, header.map { _ in "---" }] + rows
        return ["", "## \(title)", ""] + table.map { "| " + $0.joined(separator: " | ") + " |" }
    }

    private static func list(_ entries: [String: String]) -> String {
        entries.sorted { $0.key < $1.key }.map { "\(escaped($0.key)): \(escaped($0.value))" }.joined(separator: "; ")
    }

    /// A sum; nil when one of the numbers is not known.
    private static func sum(_ numbers: [Int?]) -> Int? {
        let known = numbers.compactMap { $0 }
        return known.count == numbers.count ? known.reduce(0, +) : nil
    }

    /// A number of examples, or that clients withheld it.
    private static func count(_ examples: Int?) -> String { examples.map { "\($0)" } ?? "withheld" }

    private static func figure(_ value: Double) -> String {
        value.isFinite ? String(format: "%.6g", value) : "\(value)"
    }

    private static func time(_ milliseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(.iso8601)
    }

    /// Text from elsewhere that cannot break out of a table's cell.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "|", "*", "_", "`", "<", ">", "[", "]", "\\", "#": result += "\\\(scalar)"
            default: result.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
            }
        }
        return result
    }

    private static func code(_ text: String) -> String {
        String(text.map { $0 == "`" || $0 == "|" || $0.isNewline ? "?" : $0 })
    }
}
