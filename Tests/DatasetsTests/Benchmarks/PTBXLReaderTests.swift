import Datasets
import Foundation
import TestSupport
import Testing

/// A PTB-XL of a few rows over two records.
private struct Fixture {
    static let leads = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
    let folder: TemporaryFolder

    static func sample(_ record: Int, lead: Int, step: Int) -> Int {
        (step * (7 + lead) + record * 311) % 977 - 400 + lead
    }

    /// A record; `order` is the order of the leads in the file.
    func record(_ number: Int, order: [Int] = Array(0..<12), rate: String = "100", steps: Int = 1000) throws {
        var bytes: [UInt8] = []
        for step in 0..<steps {
            for lead in order {
                let word = UInt16(bitPattern: Int16(Self.sample(number, lead: lead, step: step)))
                bytes += [UInt8(word & 0xFF), UInt8(word >> 8)]
            }
        }
        let lines = order.map { lead in
            let sum = (0..<steps).reduce(0) { $0 + Self.sample(number, lead: lead, step: $1) }
            return "r\(number)_lr.dat 16 1000.0(0)/mV 16 0 0 \(sum & 0xFFFF) 0 \(Self.leads[lead])"
        }
        try folder.write(
            "r\(number)_lr 12 \(rate) \(steps)\n" + lines.joined(separator: "\n") + "\n",
            to: "ptb-xl-1.0.3/records100/00000/r\(number)_lr.hea")
        try folder.write(Data(bytes), to: "ptb-xl-1.0.3/records100/00000/r\(number)_lr.dat")
    }

    func database(_ rows: [(codes: String, site: String, fold: String, record: String)]) throws {
        var text = "ecg_id,report,scp_codes,site,strat_fold,filename_lr,filename_hr\n"
        for (index, row) in rows.enumerated() {
            text += "\(index),\"a report,\nin two lines\",\"\(row.codes)\",\(row.site),\(row.fold),\(row.record),x\n"
        }
        try folder.write(text, to: "ptb-xl-1.0.3/ptbxl_database.csv")
    }

    func statements(_ text: String? = nil) throws {
        try folder.write(
            text ?? """
                ,description,diagnostic,form,diagnostic_class
                NDT,non-diagnostic T,1.0,1.0,STTC
                NORM,normal ECG,1.0,,NORM
                IMI,"inferior, MI",1.0,,MI
                AMI,anterior,1.0,,MI
                SR,sinus rhythm,,,
                """, to: "ptb-xl-1.0.3/scp_statements.csv")
    }

    static func path(_ number: Int) -> String { "records100/00000/r\(number)_lr" }

    init() throws {
        folder = try TemporaryFolder()
        try record(1)
        try record(2, order: Array((0..<12).reversed()))
        try statements()
        var rows: [(codes: String, site: String, fold: String, record: String)] = []
        for index in 0..<10 {
            rows.append(("{'NORM': 100.0, 'SR': 0.0}", "0.0", "\(index % 8 + 1)", Self.path(index % 2 + 1)))
        }
        for _ in 0..<9 { rows.append(("{'SR': 100.0}", "3.0", "4", Self.path(1))) }
        rows.append(("{'AMI': 100.0, 'IMI': 100, 'NDT': 100.0, 'NORM': 80.0}", "3.0", "9", Self.path(2)))
        rows.append(("{'AMI': 100.0}", "", "9", Self.path(2)))
        rows.append(("{'AMI': 99.0}", "0.0", "10", Self.path(1)))
        rows.append(("{}", "17.0", "10.0", Self.path(2)))
        try database(rows)
    }
}

@Suite struct PTBXLReaderTests {
    @Test func splitsSitesAndTargets() throws {
        let fixture = try Fixture()
        let reader = try PTBXLReader(path: fixture.folder.path)
        let splits = try reader.read()
        let dev = try #require(splits.heldOut["dev"])
        let test = try #require(splits.heldOut["test"])
        #expect(splits.train.count == 10)
        #expect(splits.groups == Array(repeating: "0", count: 10))
        #expect(splits.train.subjects == Array(repeating: 0, count: 10))
        #expect(splits.train.targets == (0..<10).flatMap { _ in [1, 0, 0, 0, 0] as [Float] })
        // A site with few training records still counts in the held-out splits; a row without a site does not.
        #expect(dev.targets == [0, 1, 1, 0, 0])
        #expect(dev.labels == [1])
        #expect(dev.subjects == [3])
        #expect(test.targets == Array(repeating: 0, count: 10))
        #expect(test.classes == ["NORM", "MI", "STTC", "CD", "HYP"])
        #expect(try reader.rows().test.map(\.record) == [Fixture.path(1), Fixture.path(2)])
    }

    /// Corruption is drawn by the order of the sites' numbers, cohorts by that of their texts.
    @Test func sitesAreInTheOrderOfTheirNumbers() throws {
        let fixture = try Fixture()
        let rows = ["10.0", "2.0", "30.0"].flatMap { site in
            (0..<(site == "30.0" ? 9 : 10)).map { _ in
                (codes: "{'NORM': 100.0}", site: site, fold: "1", record: Fixture.path(1))
            }
        }
        try fixture.database(rows + ["9", "10"].map { (codes: "{}", site: "2.0", fold: $0, record: Fixture.path(2)) })
        let prepared = try SitePartition.prepare(
            .init(
                source: .init(benchmark: .ptbXL, isGenerated: false), data: fixture.folder.path,
                partition: .init(scheme: .fedMultimodal)))
        #expect(prepared.partition.clients.map(\.id) == ["2", "10"])
        #expect(prepared.partition.clients.map(\.place) == [0, 1])
        #expect(prepared.partition.clients[0].rows == Array(10..<20))
    }

    @Test func isReadByName() throws {
        let fixture = try Fixture()
        let contents = try BenchmarkDataset.ptbXL.read(path: fixture.folder.path)
        #expect(contents.splits.train.isMultilabel)
        #expect(contents.splits.heldOut.keys.sorted() == ["dev", "test"])
        #expect(contents.splits.train.modalities == BenchmarkDataset.ptbXL.modalities)
    }

    @Test func leadsAreFoundByNameAndNormalised() throws {
        let fixture = try Fixture()
        let splits = try PTBXLReader(path: fixture.folder.path).read()
        #expect(splits.train.modalities == PTBXLReader.modalities)
        for row in 0..<2 {
            for lead in 0..<12 {
                // In millivolts, where the constant added to the deviation matters.
                let raw = (0..<1000).map { Double(Fixture.sample(row + 1, lead: lead, step: $0)) / 1000 }
                let mean = raw.reduce(0, +) / 1000
                let deviation = (raw.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 1000).squareRoot()
                let values = splits.train.values[lead / 6]
                for step in 0..<1000 {
                    let found = Double(values[(row * 1000 + step) * 6 + lead % 6])
                    guard abs(found - (raw[step] - mean) / (deviation + 1e-5)) < 1e-4 else {
                        Issue.record("record \(row), lead \(lead), step \(step)")
                        return
                    }
                }
            }
        }
    }

    @Test(arguments: [
        ("[]", "0.0", "1", "records100/00000/r1_lr", "column 'scp_codes': found \"[]\", expected codes"),
        ("{'A'}", "0.0", "1", "records100/00000/r1_lr", "column 'scp_codes'"),
        ("{'A': nan}", "0.0", "1", "records100/00000/r1_lr", "column 'scp_codes'"),
        ("{'A': 100,}", "0.0", "1", "records100/00000/r1_lr", "column 'scp_codes'"),
        ("{}", "x", "1", "records100/00000/r1_lr", "line 2: column 'site': found \"x\""),
        ("{}", "0.5", "1", "records100/00000/r1_lr", "column 'site': found \"0.5\", expected a whole number"),
        ("{}", "0.0", "11", "records100/00000/r1_lr", "column 'strat_fold': found \"11\""),
        ("{}", "0.0", "9", "../r1_lr", "column 'filename_lr': found \"../r1_lr\", expected a path within"),
        ("{}", "0.0", "9", "/etc/r1_lr", "column 'filename_lr'"),
        ("{}", "0.0", "9", "records100/none", "none.hea"),
    ])
    func brokenRowsNameTheColumn(codes: String, site: String, fold: String, record: String, expected: String) throws {
        let fixture = try Fixture()
        try fixture.database([(codes, site, fold, record)])
        let reader = try PTBXLReader(path: fixture.folder.path + "/ptb-xl-1.0.3")
        let error = try #require(throws: DatasetError.self) { try reader.read() }
        #expect(error.message.contains(expected), "\(error.message)")
    }

    @Test func brokenRecordsAndStatementsAreRefused() throws {
        let fixture = try Fixture()
        let reader = try PTBXLReader(path: fixture.folder.path)
        try fixture.record(1, rate: "500")
        let rate = try #require(throws: DatasetError.self) { try reader.read() }
        #expect(rate.message.contains("1000 samples at 500.0 Hz, expected 1000 at 100"))
        try fixture.record(1, order: Array(0..<11))
        #expect(throws: DatasetError.self) { try reader.read() }
        try fixture.record(1)
        try fixture.statements(",diagnostic,diagnostic_class\nX,1.0,OTHER\n")
        let statements = try #require(throws: DatasetError.self) { try reader.read() }
        #expect(statements.message.contains("scp_statements.csv: line 2: column 'diagnostic_class': found \"OTHER\""))
        try fixture.statements("a,b\n")
        #expect(throws: DatasetError.self) { try reader.read() }
        #expect(throws: DatasetError.self) { try PTBXLReader(path: fixture.folder.path + "/nothing") }
    }
}
