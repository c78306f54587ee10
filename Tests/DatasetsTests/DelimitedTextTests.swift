import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct DelimitedTextTests {
    private func read(
        _ text: String, separator: Character = ",", hasHeader: Bool = true, isQuoted: Bool = true,
        limits: DelimitedText.Limits = .init()
    ) throws -> DelimitedText {
        try DelimitedText(
            Array(text.utf8), path: "table.csv", separator: separator, hasHeader: hasHeader, isQuoted: isQuoted,
            limits: limits)
    }

    @Test func readsQuotesSeparatorsAndLineBreaks() throws {
        let table = try read("\u{FEFF}id,text\r\n1,\"a, \"\"b\"\"\nc\"\n\n2,5\" wide \r\n3,")
        #expect(table.columns == ["id", "text"])
        #expect(table.rows.map(\.fields) == [["1", "a, \"b\"\nc"], ["2", "5\" wide "], ["3", ""]])
        #expect(table.rows.map(\.line) == [2, 5, 6])
        #expect(try table.column("text") == 1)
        #expect(try table.column("nothing", "id") == 0)
        #expect(try table.integer(table.rows[1], 0, in: 0...9) == 2)
    }

    @Test func otherSeparatorsAndNoQuotes() throws {
        let table = try read("\"a\tb\n,\t\"\n", separator: "\t", hasHeader: false, isQuoted: false)
        #expect(table.rows.map(\.fields) == [["\"a", "b"], [",", "\""]])
        #expect(throws: DatasetError.self) { try read("a", separator: "\"") }
        #expect(throws: DatasetError.self) { try read("a", separator: "ä") }
    }

    /// Whatever the fields hold, writing them quoted and reading them again gives them back.
    @Test func quotedFieldsComeBack() throws {
        let alphabet = ["\"", ",", "\n", "\r\n", "x", " ", "ü", "'"]
        var seed: UInt64 = 12
        func draw(_ bound: UInt64) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((seed >> 33) % bound)
        }
        for _ in 0..<200 {
            let width = 1 + draw(4)
            let rows = (0...draw(4)).map { _ in
                (0..<width).map { _ in (0..<draw(7)).map { _ in alphabet[draw(8)] }.joined() }
            }
            let text = rows.map { row in
                row.map { "\"" + $0.replacingOccurrences(of: "\"", with: "\"\"") + "\"" }.joined(separator: ",")
            }.joined(separator: "\r\n")
            #expect(try read(text, hasHeader: false).rows.map(\.fields) == rows)
        }
    }

    @Test(arguments: [
        ("a,b\n1,2\n3\n", "line 3: 1 fields, expected 2"),
        ("a,b\n1,\"2\n3\n", "line 2: a quoted field does not end"),
        ("a,b\n1,\"2\n\"3\n", "line 3: text after a closing"),
        ("", "no text"),
        ("\n\n", "no text"),
    ])
    func brokenTablesNameTheLine(text: String, expected: String) throws {
        let error = try #require(throws: DatasetError.self) { try read(text) }
        #expect(error.code == .malformed)
        #expect(error.message.contains("table.csv") && error.message.contains(expected), "\(error.message)")
    }

    @Test func bytesThatAreNotTextAreRefused() throws {
        let error = try #require(throws: DatasetError.self) {
            try DelimitedText([0x61, 0x0A, 0x62, 0xFF], path: "t")
        }
        #expect(error.message.contains("line 2: a field is not UTF-8"))
    }

    @Test func columnsAndNumbersAreNamed() throws {
        let table = try read("a,b,b\nnan,1.5,0x10\n")
        let missing = try #require(throws: DatasetError.self) { try table.column("site", "Site") }
        #expect(missing.code == .missing)
        #expect(missing.message.contains("no column 'site' nor 'Site'; the columns are: a, b, b"))
        #expect(throws: DatasetError.self) { try table.column("b") }
        let row = table.rows[0]
        let number = try #require(throws: DatasetError.self) { try table.number(row, 0) }
        #expect(number.message.contains("line 2: column 'a': found \"nan\", expected a finite number"))
        #expect(throws: DatasetError.self) { try table.integer(row, 1, in: 0...9) }
        #expect(throws: DatasetError.self) { try table.number(row, 2) }
    }

    @Test func limitsHold() throws {
        var limits = DelimitedText.Limits()
        limits.maximumRows = 1
        limits.maximumColumns = 2
        limits.maximumFieldBytes = 3
        for text in ["a\n1\n2\n", "a,b,c\n", "a\n1234\n", "a\n\"1234\"\n"] {
            let error = try #require(throws: DatasetError.self) { try read(text, limits: limits) }
            #expect(error.code == .tooLarge, "\(text)")
        }
        let folder = try TemporaryFolder()
        try folder.write("a\n1\n", to: "t.csv")
        limits.maximumBytes = 3
        let error = try #require(throws: DatasetError.self) {
            try DelimitedText(contentsOf: folder.file("t.csv"), limits: limits)
        }
        #expect(error.code == .tooLarge)
    }
}

@Suite(.enabled(if: RealTables.root != nil, "TRIBUTARY_DATA does not name a folder that holds meld"))
struct RealDelimitedTextTests {
    @Test func meldHasItsPublishersRows() throws {
        let root = try #require(RealTables.root)
        let counts = try ["train", "dev", "test"].map {
            try DelimitedText(contentsOf: "\(root)/\($0)_sent_emo.csv").rows.count
        }
        #expect(counts == [9989, 1109, 2610])
    }
}

private enum RealTables {
    static var root: String? {
        guard let root = ProcessInfo.processInfo.environment["TRIBUTARY_DATA"], !root.isEmpty else { return nil }
        let meld = root + "/meld"
        return FileManager.default.fileExists(atPath: meld + "/train_sent_emo.csv") ? meld : nil
    }
}
