import Foundation
import Jobs
import Testing

@Suite("Trainer contract")
struct TrainerContractTests {
    @Test(
        "requests as they stand in the documentation",
        arguments: [
            (
                "{\"type\":\"hello\",\"version\":1,\"job\":\"j\",\"client\":\"a\",\"clientIndex\":3826002220,\"seed\":8,\"threads\":1,\"model\":{\"name\":\"har\"},\"data\":{\"name\":\"uci-har\",\"path\":\"/site\"}}",
                .hello(
                    .init(
                        job: "j", client: "a", clientIndex: clientIndex("a"), seed: 8, model: ["name": "har"],
                        data: .init(name: "uci-har", path: "/site")))
            ),
            (
                "{\"type\":\"hello\",\"version\":1,\"job\":\"j\",\"client\":\"a\",\"clientIndex\":1,\"seed\":18446744073709551615,\"threads\":2,\"model\":{},\"data\":null}",
                .hello(.init(job: "j", client: "a", clientIndex: 1, seed: .max, threads: 2, model: [:], data: nil))
            ),
            (
                "{\"type\":\"initialise\",\"output\":\"out/initial.safetensors\"}",
                .initialise(.init(output: "out/initial.safetensors"))
            ),
            (
                "{\"type\":\"train\",\"round\":3,\"attempt\":0,\"weights\":\"in/3\",\"update\":\"out/3\",\"state\":\"state/\",\"config\":{\"epochs\":1}}",
                .train(
                    .init(
                        round: 3, attempt: 0, weights: "in/3", update: "out/3", state: "state/", config: ["epochs": 1]))
            ),
            (
                "{\"type\":\"evaluate\",\"round\":3,\"weights\":\"in/3\",\"split\":\"test\",\"config\":{},\"later\":[1]}",
                .evaluate(.init(round: 3, weights: "in/3", split: "test", config: [:]))
            ),
            ("{\"type\":\"cancel\"}\n", .cancel), ("{\"type\":\"bye\"}", .bye),
        ] as [(String, TrainerRequest)])
    func requests(line: String, expected: TrainerRequest) throws {
        #expect(try TrainerLine.decodeRequest(Data(line.utf8)) == expected)
        let written = try TrainerLine.encode(expected)
        #expect(written.last == 0x0A)
        #expect(!written.dropLast().contains(0x0A))
        #expect(try TrainerLine.decodeRequest(written) == expected)
    }

    @Test(
        "replies as they stand in the documentation",
        arguments: [
            (
                "{\"type\":\"hello\",\"version\":1,\"trainer\":\"t 1\",\"threads\":1,\"libraries\":{\"BLAS\":\"b\"},\"schema\":\"s\",\"datasets\":{\"train\":412}}",
                .hello(
                    .init(trainer: "t 1", threads: 1, libraries: ["BLAS": "b"], schema: "s", datasets: ["train": 412]))
            ),
            (
                "{\"type\":\"hello\",\"version\":1,\"trainer\":\"t\",\"schema\":\"s\"}",
                .hello(.init(trainer: "t", threads: 1, libraries: [:], schema: "s"))
            ),
            (
                "{\"type\":\"progress\",\"fraction\":0.5,\"metrics\":{\"loss\":1.2}}",
                .progress(.init(fraction: 0.5, metrics: ["loss": 1.2]))
            ),
            ("{\"type\":\"progress\",\"fraction\":1}", .progress(.init(fraction: 1))),
            ("{\"type\":\"done\"}", .done(.init())),
            (
                "{\"type\":\"done\",\"examples\":412,\"sums\":{\"loss\":123.5},\"confusion\":[[3,1],[0,2]]}",
                .done(
                    .init(
                        statistics: TaskStatistics(examples: 412, sums: ["loss": 123.5], confusion: [[3, 1], [0, 2]])))
            ),
            (
                "{\"type\":\"done\",\"examples\":4,\"confusion\":null}",
                .done(.init(statistics: TaskStatistics(examples: 4)))
            ),
            (
                "{\"type\":\"failed\",\"code\":\"data\",\"reason\":\"none\"}",
                .failed(.init(code: "data", reason: "none"))
            ),
            ("{\"type\":\"failed\",\"reason\":\"none\"}", .failed(.init(code: "trainer", reason: "none"))),
        ] as [(String, TrainerReply)])
    func replies(line: String, expected: TrainerReply) throws {
        #expect(try TrainerLine.decodeReply(Data(line.utf8)) == expected)
        #expect(try TrainerLine.decodeReply(TrainerLine.encode(expected)) == expected)
    }

    @Test(
        "lines that are no message",
        arguments: [
            ("", "trainer message: the document:"), ("hello", "trainer message: the document:"),
            ("{}", "trainer message: type is missing"),
            ("{\"type\":\"dance\"}", "trainer message: unknown type \"dance\""),
            ("{\"type\":1}", "trainer message: type: expected String"),
            ("{\"type\":\"progress\"}", "trainer message: fraction is missing"),
            ("{\"type\":\"done\",\"examples\":1e30}", "trainer message: "),
            ("{\"type\":\"done\",\"examples\":-0.5}", "trainer message: "),
            ("{\"type\":\"failed\"}", "trainer message: reason is missing"),
            ("{\"type\":\"done\"} {\"type\":\"done\"}", "trainer message: the document:"),
            ("{\"type\":\"done\",\"examples\":1,\"sums\":{\"loss\":NaN}}", "trainer message: the document:"),
        ])
    func badLines(line: String, expected: String) {
        let error = #expect(throws: JobsError.self) { try TrainerLine.decodeReply(Data(line.utf8)) }
        #expect(error?.code == .invalidMessage)
        #expect(error?.message.hasPrefix(expected) == true, "\(error.map { "\($0)" } ?? "")")
    }

    @Test("a line over a megabyte is an error in both directions")
    func length() throws {
        let reason = String(repeating: "x", count: TrainerLine.maximumBytes)
        #expect(throws: JobsError.self) { try TrainerLine.encode(.failed(.init(code: "c", reason: reason))) }
        #expect(throws: JobsError.self) { try TrainerLine.decodeReply(Data(reason.utf8 + [0x20])) }
        #expect(throws: JobsError.self) { try TrainerLine.encode(.progress(.init(fraction: .nan))) }
    }

    @Test("a stream is cut into lines wherever it is broken", arguments: [1, 2, 3, 5, 100])
    func buffer(size: Int) throws {
        let bytes = Data("one\n\ntwo\nthree\nfo".utf8)
        var buffer = TrainerLineBuffer()
        var lines: [String] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            lines += try buffer.append(rest.prefix(size)).map { String(decoding: $0, as: UTF8.self) }
            rest = rest.dropFirst(size)
        }
        #expect(lines == ["one", "two", "three"])
        #expect(buffer.pendingBytes == 2)
        #expect(try buffer.append(Data("ur\n".utf8)) == [Data("four".utf8)])
    }

    @Test("a line without an end is refused as soon as it is too long")
    func bufferLimit() throws {
        var buffer = TrainerLineBuffer()
        let block = Data(repeating: 0x61, count: 1 << 19)
        #expect(try buffer.append(block).isEmpty)
        #expect(try buffer.append(block).isEmpty)
        #expect(throws: JobsError.self) { try buffer.append(Data("b".utf8)) }
    }
}
