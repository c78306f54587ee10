import Datasets
import Foundation
import Operator

/// Partitions as tables for people.
enum PartitionText {
    /// The folders that were written.
    static func folders(_ sites: [SitePartition.Site]) -> [String] {
        var table = TextTable([
            ("site", .left), ("split", .left), ("examples", .right), ("by class", .left), ("subjects", .left),
            ("folder", .left),
        ])
        for site in sites {
            table.add([
                site.name, site.split, String(site.examples), site.classes.map(String.init).joined(separator: " "),
                site.subjects.map(String.init).joined(separator: " "), site.path,
            ])
        }
        return table.lines()
    }

    /// A line a client, then the held-out lists.
    static func clients(_ report: HeterogeneityReport) -> [String] {
        let hasTraits = report.clients.contains { $0.traits != nil }
        var table = TextTable(
            [("client", .left), ("rows", .right), ("entropy", .right), ("by class", .left)]
                + (hasTraits ? [("traits", .left)] : []))
        for client in report.clients {
            table.add([
                client.id, String(client.rows), number(client.entropy),
                client.labels.map(String.init).joined(separator: " "), client.traits.map(describe) ?? "",
            ])
        }
        for (name, rows) in report.heldOut.sorted(by: { $0.key < $1.key }) {
            table.add(["\(name) (held out)", String(rows)])
        }
        return table.lines()
    }

    /// How much the clients differ.
    static func figures(_ report: HeterogeneityReport) -> [String] {
        var table = TextTable([
            ("\(report.clients.count) clients", .left), ("min", .right), ("mean", .right), ("max", .right),
            ("std", .right),
        ])
        for (name, summary) in [
            ("rows", report.sizes), ("classes", report.classesPerClient), ("label entropy, bits", report.entropy),
        ] {
            table.add([name] + [summary.min, summary.mean, summary.max, summary.std].map(number))
        }
        let sample = report.distance.isSample ? ", \(report.distance.clients) clients at even steps" : ""
        table.add(["Jensen-Shannon distance\(sample)", "", number(report.distance.mean), number(report.distance.max)])
        return table.lines()
    }

    /// What corruption leaves: a line a client, then a line a kind with the clients and rows that it hits.
    static func corruption(_ summary: CorruptionSummary, _ modalities: [String]) -> [String] {
        var clients = TextTable(
            [("client", .left), ("rows", .right), ("left", .right)] + modalities.map { ("no \($0)", .right) }
                + [("no label", .right), ("wrong label", .right), ("left by class", .left)])
        for client in summary.clients {
            clients.add(
                [client.name, String(client.examples), String(client.kept)]
                    + modalities.map { String(client.missing[$0] ?? 0) }
                    + [String(client.unlabelled), String(client.changedLabels)]
                    + [client.classes.map(String.init).joined(separator: " ")])
        }
        var kinds = TextTable([("corruption", .left), ("clients", .right), ("rows", .right)])
        func add(_ name: String, _ count: (CorruptionSummary.Client) -> Int) {
            let counts = summary.clients.map(count)
            kinds.add([name, String(counts.count { $0 > 0 }), String(counts.reduce(0, +))])
        }
        for modality in modalities { add("no \(modality)") { $0.missing[modality] ?? 0 } }
        add("no label") { $0.unlabelled }
        add("wrong label") { $0.changedLabels }
        add("nothing left") { $0.isSkipped ? $0.examples : 0 }
        add("left to train on") { $0.kept }
        return clients.lines() + [""] + kinds.lines()
    }

    private static func describe(_ traits: ClientTraits) -> String {
        var parts =
            traits.modalities.map { ["modalities \($0.sorted().map(String.init).joined(separator: " "))"] } ?? []
        if traits.gain != 1 { parts.append("gain \(number(traits.gain))") }
        if traits.offset != 0 { parts.append("offset \(number(traits.offset))") }
        if traits.noise != 0 { parts.append("noise \(number(traits.noise))") }
        return parts.joined(separator: ", ")
    }

    private static func number(_ value: Double) -> String {
        String(format: "%.3f", value)
    }
}
