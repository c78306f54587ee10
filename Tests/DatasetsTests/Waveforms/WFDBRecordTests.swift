import Datasets
import Foundation
import TestSupport
import Testing

/// The records of `Golden/make_wfdb.py`.
private struct GoldenRecords: Decodable {
    struct Record: Decodable {
        var name: String
        var header: String
        var files: [String: Data]
        var physical: [[Double?]]

        /// Writes the record and returns its path.
        func write(to folder: TemporaryFolder, header: String? = nil) throws -> String {
            try folder.write(header ?? self.header, to: "\(name).hea")
            for (file, bytes) in files { try folder.write(bytes, to: file) }
            return folder.file(name)
        }
    }

    var records: [Record]

    static func read() throws -> [Record] {
        let url = try #require(Bundle.module.url(forResource: "wfdb", withExtension: "json", subdirectory: "Golden"))
        return try JSONDecoder().decode(GoldenRecords.self, from: Data(contentsOf: url)).records
    }
}

@Suite struct WFDBRecordTests {
    @Test func agreesWithThePublishersPackage() throws {
        let records = try GoldenRecords.read()
        #expect(records.map(\.name) == ["record16", "record80", "record212", "record16split"])
        for golden in records {
            let folder = try TemporaryFolder()
            let record = try WFDBRecord(path: golden.write(to: folder))
            #expect(record.header.signals.map(\.description) == ["I", "AVR", "V 1"])
            #expect(record.header.signals.map(\.units) == ["mV", "mV", "uV"])
            #expect(record.header.sampleRate == 100 && record.header.samples == 7)
            for (index, expected) in golden.physical.enumerated() {
                for (value, wanted) in zip(record.physical(index), expected) {
                    if let wanted {
                        #expect(abs(value - wanted) < 1e-8 * max(1, abs(wanted)), "\(golden.name)")
                    } else {
                        #expect(value.isNaN)
                    }
                }
            }
        }
    }

    /// Every sample of 12 bits, in both places of a pair.
    @Test func every12BitNumberComesBack() throws {
        let folder = try TemporaryFolder()
        let numbers = Array(-2048...2047) + Array((-2048...2047).reversed()) + [7]
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: numbers.count, by: 2) {
            let first = numbers[start] & 0xFFF
            let second = start + 1 < numbers.count ? numbers[start + 1] & 0xFFF : 0
            bytes += [UInt8(first & 0xFF), UInt8(first >> 8 | (second >> 8) << 4), UInt8(second & 0xFF)]
        }
        try folder.write(Data(bytes.dropLast()), to: "r.dat")
        try folder.write("r 1 250/2(0) \(numbers.count) 12:00\r\nr.dat 212\r\n", to: "r.hea")
        let record = try WFDBRecord(path: folder.file("r"))
        #expect(record.digital == [numbers.map { Int16($0) }])
        #expect(record.header.sampleRate == 250 && record.header.signals[0].gain == 200)
    }

    @Test func theBaselineIsTheConvertersZeroWhereNoneIsGiven() throws {
        let header = try WFDBHeader(
            "# made by hand\nr 2 360 10\nr.dat 16+12 0 11 1024 995 -22131 0 a lead\nr.dat 16+12 50(3)/mmHg 11 1024\n",
            path: "r.hea")
        #expect(header.signals.map(\.baseline) == [1024, 3])
        #expect(header.signals.map(\.gain) == [200, 50])
        #expect(header.signals.map(\.offset) == [12, 12])
        #expect(header.signals[0].checksum == -22131 && header.signals[1].checksum == nil)
        #expect(header.signals[0].description == "a lead")
    }

    @Test func damageIsSeen() throws {
        for golden in try GoldenRecords.read() {
            let folder = try TemporaryFolder()
            let path = try golden.write(to: folder)
            let file = golden.files.keys.sorted()[0]
            var bytes = try #require(golden.files[file])
            bytes[3] ^= 0x04
            try folder.write(bytes, to: file)
            let flipped = try #require(throws: DatasetError.self) { try WFDBRecord(path: path) }
            #expect(flipped.code == .mismatch)
            #expect(flipped.message.contains(file) && flipped.message.contains("the file is damaged"))
            try folder.write(bytes.dropLast(), to: file)
            let short = try #require(throws: DatasetError.self) { try WFDBRecord(path: path) }
            #expect(short.message.contains("\(bytes.count - 1) bytes, expected at least \(bytes.count)"))
            try FileManager.default.removeItem(atPath: folder.file(file))
            #expect(throws: DatasetError.self) { try WFDBRecord(path: path) }
        }
    }

    @Test(arguments: [
        ("", "expected a record line"),
        ("# only a comment\n", "expected a record line"),
        ("r/2 1 100 5\nr.dat 16\n", "line 1: field 1: found \"r/2\", expected a record of one segment"),
        ("r\n", "line 1: field 2: found nothing, expected the number of signals, 1...256"),
        ("r 0 100 5\n", "line 1: field 2: found \"0\""),
        ("r 1 nan 5\nr.dat 16\n", "line 1: field 3: found \"nan\", expected samples a second"),
        ("r 1 100\nr.dat 16\n", "line 1: field 4: found nothing, expected samples a signal"),
        ("r 1 100 999999999999\nr.dat 16\n", "line 1: field 4"),
        ("r 2 100 5\nr.dat 16\n", "line 1: 2 signals, and 1 lines"),
        ("r 1 100 5\n../r.dat 16\n", "line 2: field 1: found \"../r.dat\""),
        ("r 1 100 5\n- 16\n", "line 2: field 1"),
        ("r 1 100 5\nr.dat 16x2\n", "line 2: field 2: found \"16x2\", expected format 16, 80 or 212"),
        ("r 1 100 5\nr.dat 310\n", "line 2: field 2"),
        ("r 1 100 5\nr.dat 16+-1\n", "line 2: field 2: found \"16+-1\", expected an offset"),
        ("r 1 100 5\nr.dat 16 -1\n", "line 2: field 3: found \"-1\", expected a gain"),
        ("r 1 100 5\nr.dat 16 1(x)\n", "line 2: field 3: found \"1(x)\", expected a baseline"),
        ("r 1 100 5\n\n# c\nr.dat 16 1 0 0 0 sum\n", "line 4: field 7: found \"sum\", expected a checksum"),
    ])
    func brokenHeadersNameTheField(text: String, expected: String) throws {
        let error = try #require(throws: DatasetError.self) { try WFDBHeader(text, path: "r.hea") }
        #expect(error.message.contains("r.hea") && error.message.contains(expected), "\(error.message)")
    }
}
