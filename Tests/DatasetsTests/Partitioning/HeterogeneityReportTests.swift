import Datasets
import Foundation
import Testing

@Suite struct HeterogeneityReportTests {
    static let labels = [0, 0, 1, 1, 2, 2, 0, 1]

    private func report() throws -> HeterogeneityReport {
        let partition = try Partition(
            clients: [.init(id: "a", rows: [0, 1]), .init(id: "b", rows: [2, 3, 6, 7]), .init(id: "c", rows: [4])],
            heldOut: [.init(name: "dev", rows: [5])], rowCount: 8)
        return try HeterogeneityReport(partition, labels: Self.labels, classes: 3)
    }

    @Test func figuresAreThoseOfTheDefinition() throws {
        let report = try report()
        #expect(report.clients.map(\.labels) == [[2, 0, 0], [1, 3, 0], [0, 0, 1]])
        #expect(report.heldOut == ["dev": 1])
        #expect(report.sizes.min == 1)
        #expect(report.sizes.max == 4)
        #expect(abs(report.sizes.mean - 7.0 / 3) < 1e-12)
        #expect(abs(report.sizes.std - (14.0 / 9).squareRoot()) < 1e-12)
        #expect(report.classesPerClient.max == 2)
        // H(1/4, 3/4) = 2 − (3/4) log2 3.
        let mixed = 2 - 0.75 * log2(3)
        #expect(report.clients.map(\.entropy)[0] == 0)
        #expect(abs(report.clients[1].entropy - mixed) < 1e-12)
        // a and b: the middle is (5/8, 3/8); c has no label in common with the others.
        let middle = -(5.0 / 8) * log2(5.0 / 8) - (3.0 / 8) * log2(3.0 / 8)
        let expected = (2 + (middle - mixed / 2).squareRoot()) / 3
        #expect(abs(report.distance.mean - expected) < 1e-12)
        #expect(report.distance.max == 1)
        #expect(report.distance.clients == 3)
        #expect(!report.distance.isSample)
    }

    @Test func manyClientsAreSampled() throws {
        let labels = (0..<1200).map { $0 % 2 }
        let partition = try Partition(
            clients: (0..<1200).map { .init(id: "c\($0)", rows: [$0]) }, rowCount: 1200)
        let report = try HeterogeneityReport(partition, labels: labels, classes: 2)
        #expect(report.distance.isSample)
        #expect(report.distance.clients == 500)
        #expect(report.clients.count == 1200)
        #expect((0.4...0.6).contains(report.distance.mean))
        let picture = HeterogeneityPlot(report, classes: ["x", "y"], title: "many").svg()
        #expect(picture.contains("1200 clients (400 drawn)"))
    }

    @Test func survivesJSON() throws {
        let report = try report()
        let decoded = try JSONDecoder().decode(HeterogeneityReport.self, from: JSONEncoder().encode(report))
        #expect(decoded == report)
    }

    @Test func labelsMustFit() throws {
        let partition = try Partition(clients: [.init(id: "a", rows: [0])], rowCount: 2)
        #expect(throws: DatasetError.self) { try HeterogeneityReport(partition, labels: [0], classes: 1) }
        #expect(throws: DatasetError.self) { try HeterogeneityReport(partition, labels: [0, 1], classes: 1) }
    }

    @Test func pictureIsWellFormedAndEscaped() throws {
        let picture = HeterogeneityPlot(
            try report(), classes: ["<script>", "a & b\u{7}", "c"], title: "\"x\" <y>"
        ).svg()
        let parser = XMLChecker()
        #expect(parser.elements(of: picture)?.first == "svg")
        #expect(!picture.contains("<script"))
        #expect(picture.contains("&lt;script&gt;"))
        // Three bars, four cells with rows, the background, the frame and five steps of the scale.
        #expect(parser.elements(of: picture)?.count { $0 == "rect" } == 3 + 4 + 2 + 5)
    }
}

/// The names of a document's elements in order; nil for broken nesting or a stray `<` or `&`.
private struct XMLChecker {
    func elements(of text: String) -> [String]? {
        var names: [String] = []
        var open: [String] = []
        var rest = Substring(text)
        while let start = rest.firstIndex(of: "<") {
            guard let end = rest[start...].firstIndex(of: ">") else { return nil }
            let tag = rest[rest.index(after: start)..<end]
            rest = rest[rest.index(after: end)...]
            guard !tag.contains("<"), tag.count(where: { $0 == "\"" }) % 2 == 0 else { return nil }
            if tag.hasPrefix("/") {
                guard open.popLast() == String(tag.dropFirst()) else { return nil }
                continue
            }
            let name = String(tag.prefix { $0.isLetter })
            guard !name.isEmpty else { return nil }
            names.append(name)
            if !tag.hasSuffix("/") { open.append(name) }
        }
        return open.isEmpty ? names : nil
    }
}
