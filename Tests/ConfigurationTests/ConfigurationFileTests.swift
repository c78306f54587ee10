import Configuration
import Foundation
import Testing

private struct Listen: Codable, Equatable {
    var host: String
    var port: Int
}

private struct Sample: Codable, Equatable {
    var federation: String
    var listen: Listen?
    var minimumFreeDisk: ByteCount?
    var heartbeat: Seconds?
    var names: [String]?
    var data: [Entry]?
    var limits: [String: Int]?
    var isStrict: Bool?
    var seed: UInt64?
    var rate: Double?

    struct Entry: Codable, Equatable {
        var path: LocalPath
    }
}

private func sample(
    _ yaml: String, environment: [String: String] = [:], overrides: [String: String] = [:]
) throws -> Sample {
    try ConfigurationFile.decode(
        Sample.self, yaml: yaml, name: "sample.yaml", folder: "conf", environmentPrefix: "T",
        environment: environment, overrides: overrides)
}

private func message(_ yaml: String, environment: [String: String] = [:], overrides: [String: String] = [:]) -> String {
    do {
        return "no error: \(try sample(yaml, environment: environment, overrides: overrides))"
    } catch {
        return "\(error)"
    }
}

@Suite("Configuration files")
struct ConfigurationFileTests {
    @Test("every kind of value")
    func values() throws {
        let value = try sample(
            """
            # a comment
            federation: demo
            listen: {host: 0.0.0.0, port: 0x1F90}
            minimumFreeDisk: 1.5GiB
            heartbeat: 0.5
            names: [a, "b c", 12]
            data:
              - path: site
              - {path: /absolute/site}
            limits: {a: 1, b: 2}
            isStrict: true
            seed: 18446744073709551615
            rate: 1e-5
            """)
        #expect(
            value
                == Sample(
                    federation: "demo", listen: Listen(host: "0.0.0.0", port: 8080),
                    minimumFreeDisk: ByteCount(1_610_612_736), heartbeat: Seconds(0.5), names: ["a", "b c", "12"],
                    data: [.init(path: LocalPath("conf/site")), .init(path: LocalPath("/absolute/site"))],
                    limits: ["a": 1, "b": 2], isStrict: true, seed: .max, rate: 1e-5))
    }

    @Test(
        "null and absent are the same",
        arguments: ["federation: x\nlisten:\n", "federation: x\nlisten: ~", "federation: x"])
    func absent(yaml: String) throws {
        #expect(try sample(yaml).listen == nil)
    }

    @Test(
        "errors name place, key, what was found and what is expected",
        arguments: [
            (
                "federation: x\nlisten:\n  host: h\n  prot: 1\n  port: 2\n",
                "sample.yaml:4:3: unknown key \"listen.prot\"; did you mean \"port\"?"
            ),
            (
                "federation: x\nlisten:\n  host: h\n  prot: 1\n",
                "sample.yaml:3:3: \"listen.port\" is missing, expected a whole number; found \"prot\", which may be meant"
            ),
            (
                "listen: {host: h, port: 1}",
                "sample.yaml:1:1: \"federation\" is missing, expected text; the environment variable T_FEDERATION can give it too"
            ),
            (
                "federation: x\nzebra: 1",
                "sample.yaml:2:1: unknown key \"zebra\"; known keys are data, federation, heartbeat, isStrict, limits, listen, minimumFreeDisk, names, rate, seed"
            ),
            (
                "federation: x\ndata: [{path: a}, {path: b, pth: c}]",
                "sample.yaml:2:29: unknown key \"data.1.pth\"; did you mean \"path\"?"
            ),
            (
                "federation: x\nlisten: {host: h, port: abc}",
                "sample.yaml:2:25: listen.port: found the text \"abc\", expected a whole number"
            ),
            (
                "federation: x\nlisten: {host: h, port: 1.5}",
                "sample.yaml:2:25: listen.port: found the number 1.5, expected a whole number"
            ),
            (
                "federation: x\nlisten: {host: h, port: \"1\"}",
                "sample.yaml:2:25: listen.port: found the text \"1\", expected a whole number"
            ),
            (
                "federation: x\nlisten: {host: h, port: 99999999999999999999}",
                "sample.yaml:2:25: listen.port: found the whole number 99999999999999999999, expected one from -9223372036854775808 to 9223372036854775807"
            ),
            (
                "federation: x\nseed: -1",
                "sample.yaml:2:7: seed: found the whole number -1, expected one from 0 to 18446744073709551615"
            ),
            (
                "federation: x\nisStrict: yes",
                "sample.yaml:2:11: isStrict: found the text \"yes\", expected true or false"
            ),
            ("federation: x\nrate: fast", "sample.yaml:2:7: rate: found the text \"fast\", expected a number"),
            ("federation: x\nlisten: 8443", "sample.yaml:2:9: listen: found the whole number 8443, expected a map"),
            ("federation: x\nnames: {a: b}", "sample.yaml:2:8: names: found a map, expected a list"),
            ("federation: [x]", "sample.yaml:1:13: federation: found a list, expected text"),
            ("federation: ~", "sample.yaml:1:13: federation: found nothing, expected text"),
            (
                "federation: x\nminimumFreeDisk: lots",
                "sample.yaml:2:18: minimumFreeDisk: found \"lots\", expected a size like 512MiB, 1GiB or 1048576"
            ),
            (
                "federation: x\nheartbeat: -1",
                "sample.yaml:2:12: heartbeat: found -1.0, expected 0 to 315360000 seconds"
            ),
            (
                "federation: x\nlimits: {a: b}",
                "sample.yaml:2:13: limits.a: found the text \"b\", expected a whole number"
            ),
        ])
    func errors(yaml: String, expected: String) {
        #expect(message(yaml) == expected)
    }

    @Test("all unknown keys are named at once, in the file's order")
    func severalUnknown() {
        #expect(
            message("federation: x\nratte: 1\nlisten: {host: h, port: 1, hots: x}").split(separator: "\n") == [
                "sample.yaml:2:1: unknown key \"ratte\"; did you mean \"rate\"?",
                "sample.yaml:3:28: unknown key \"listen.hots\"; did you mean \"host\"?",
            ])
    }

    @Test("an empty file is an empty map", arguments: ["", "\n# nothing\n", "---\n", "~"])
    func empty(yaml: String) throws {
        #expect(try ConfigurationFile.decode([String: Int].self, yaml: yaml) == [:])
    }

    @Test(
        "what YAML allows and we do not, and what is no YAML",
        arguments: [
            ("a: &x 1\nb: *x", "sample.yaml:1:4: anchors and aliases (& and *) are not supported"),
            ("b: *x", "sample.yaml:1:4: found undefined alias"),
            ("a: !!binary abcd", "sample.yaml:1:4: the tag tag:yaml.org,2002:binary is not supported"),
            ("a: 1\na: 2", "sample.yaml:1:1: the key \"a\" stands twice"),
            ("a: 1\n---\nb: 2", "sample.yaml:2:1: but found another document"),
            ("a: [1, 2", "sample.yaml:2:1: while parsing a flow sequence: did not find expected ',' or ']'"),
            (
                "a:\n\t- b",
                "sample.yaml:2:1: while scanning for the next token: found character that cannot start any token"
            ),
            ("[a]: 1", "sample.yaml:1:1: expected a plain key, found a list, a map or an anchor"),
            ("[a, b]", "sample.yaml:1:1: found a list, expected a map"),
        ])
    func syntax(yaml: String, expected: String) {
        let found = message(yaml)
        // libyaml reports the end of the text on the line after it or on the last one.
        #expect(found == expected || found.dropFirst(15).hasSuffix(expected.split(separator: ": ", maxSplits: 1)[1]))
    }

    @Test("the tag !!str makes text of a number")
    func textTag() throws {
        #expect(try sample("federation: !!str 12").federation == "12")
    }

    @Test("nested aliases are refused before they are expanded")
    func aliasBomb() {
        var yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<30 {
            yaml +=
                "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
                + "]\n"
        }
        #expect(message(yaml).hasSuffix("anchors and aliases (& and *) are not supported"))
        var keys = "a0: &a0 {? x : y}\n"
        for level in 1..<60 { keys += "a\(level): &a\(level) {? *a\(level - 1) : *a\(level - 1)}\n" }
        #expect(message(keys).hasSuffix("anchors and aliases (& and *) are not supported"))
    }

    @Test("depth and size have limits")
    func limits() throws {
        let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        #expect(message("a: \(deep)").hasSuffix("maps and lists nest deeper than 64 levels"))
        #expect(
            message("federation: \(String(repeating: "x", count: 1 << 20))")
                == "sample.yaml: found 1048588 bytes, expected at most 1048576")
        // A wide map is read in linear time.
        let wide = (0..<40_000).map { "k\($0): \($0)" }.joined(separator: "\n")
        #expect(try ConfigurationFile.decode([String: Int].self, yaml: wide).count == 40_000)
    }

    @Test("a file is read, and paths are relative to its folder")
    func file() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("configuration-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("client.yaml")
        try Data("federation: x\ndata: [{path: site}]".utf8).write(to: file)
        let value = try ConfigurationFile.load(Sample.self, path: file.path)
        #expect(value.data?.first?.path.path == folder.appendingPathComponent("site").path)

        try Data([0x61, 0x3A, 0x20, 0xFF, 0xFE]).write(to: file)
        #expect(throws: ConfigurationError.self) { try ConfigurationFile.load(Sample.self, path: file.path) }
        try Data(count: (1 << 20) + 1).write(to: file)
        let large = #expect(throws: ConfigurationError.self) {
            try ConfigurationFile.load(Sample.self, path: file.path)
        }
        #expect(large?.code == .tooLarge)
        let missing = #expect(throws: ConfigurationError.self) {
            try ConfigurationFile.load(Sample.self, path: folder.path + "/none.yaml")
        }
        #expect(missing?.code == .unreadable)
        #expect(missing?.message.hasPrefix(folder.path + "/none.yaml: cannot be read: ") == true)
        let directory = #expect(throws: ConfigurationError.self) {
            try ConfigurationFile.load(Sample.self, path: folder.path)
        }
        #expect(directory?.code == .unreadable)
    }

    @Test(
        "paths",
        arguments: [
            ("a", "conf", "conf/a"), ("a/b", "/etc", "/etc/a/b"), ("/a", "conf", "/a"), ("a", ".", "a"),
            (".", "conf", "conf"),
            ("../a", "conf", "conf/../a"), ("a", "/", "/a"),
        ])
    func paths(path: String, folder: String, expected: String) {
        #expect(ConfigurationFile.resolve(path, in: folder) == expected)
    }

    @Test(
        "the folder of a path",
        arguments: [("a.yaml", "."), ("b/a.yaml", "b"), ("/a.yaml", "/"), ("/b/c/a.yaml", "/b/c")])
    func folders(path: String, expected: String) {
        #expect(ConfigurationFile.folder(of: path) == expected)
    }
}

@Suite("Configuration overlays")
struct ConfigurationOverlayTests {
    private let base = "federation: x\nlisten: {host: h, port: 1}"

    @Test("variables win over the file, overrides over both")
    func precedence() throws {
        let environment = ["T_LISTEN_PORT": "2", "T_FEDERATION": "env", "T_LISTEN_HOST": ""]
        let value = try sample(base, environment: environment, overrides: ["listen.port": "3"])
        #expect(value.listen == Listen(host: "h", port: 3))
        #expect(value.federation == "env")
        #expect(try sample(base, environment: environment).listen?.port == 2)
    }

    @Test("variables make maps that the file lacks, and camel case becomes words")
    func nested() throws {
        let value = try sample(
            "federation: x",
            environment: [
                "T_LISTEN_HOST": "h", "T_LISTEN_PORT": "7", "T_MINIMUM_FREE_DISK": "2MiB", "T_NAMES": "[a, b]",
                "T_IS_STRICT": "true",
            ])
        #expect(value.listen == Listen(host: "h", port: 7))
        #expect(value.minimumFreeDisk == .mebibytes(2))
        #expect(value.names == ["a", "b"])
        #expect(value.isStrict == true)
    }

    @Test("variables of somebody else under the prefix are ignored")
    func foreign() throws {
        // What Kubernetes sets for a service of that name.
        let environment = ["T_LISTEN_8443_TCP": "tcp://10.0.0.1:8443", "T_RATE_X": "1", "T_SERVICE_HOST": "10.0.0.1"]
        #expect(try sample("federation: x", environment: environment) == Sample(federation: "x"))
    }

    @Test(
        "errors name the variable or the override",
        arguments: [
            (
                ["T_LISTEN_PORT": "x"], [:],
                "environment variable T_LISTEN_PORT: listen.port: found the text \"x\", expected a whole number"
            ),
            (["T_NAMES": "[a"], [:], "environment variable T_NAMES:"),
            ([:], ["listen.prot": "1"], "override listen.prot: unknown key \"listen.prot\"; did you mean \"port\"?"),
            (
                [:], ["listen.port": "x"],
                "override listen.port: listen.port: found the text \"x\", expected a whole number"
            ),
            (
                [:], ["federation.name": "x"],
                "override federation.name: \"name\" lies under the text \"x\", which is not a map"
            ),
            ([:], ["listen..port": "1"], "override listen..port: expected names separated by single dots"),
            ([:], ["names.0": "1"], "override names.0:"),
        ] as [([String: String], [String: String], String)])
    func errors(environment: [String: String], overrides: [String: String], expected: String) {
        let found = message(base, environment: environment, overrides: overrides)
        #expect(found.hasPrefix(expected), "\(found)")
    }

    @Test("overrides reach into lists by index and make missing maps")
    func overrides() throws {
        let value = try sample(
            "federation: x\ndata: [{path: a}, {path: b}]",
            overrides: ["data.1.path": "/c", "listen.host": "h", "listen.port": "5"])
        #expect(value.data?.map(\.path.path) == ["conf/a", "/c"])
        #expect(value.listen == Listen(host: "h", port: 5))
    }
}

@Suite("Sizes and times")
struct ByteCountTests {
    @Test(
        "sizes are read",
        arguments: [
            ("0", 0), ("1048576", 1 << 20), ("512MiB", 512 << 20), ("1GiB", 1 << 30), ("1.5 GiB", 3 << 29),
            ("4 GB", 4_000_000_000),
            ("10kB", 10_000), ("3KiB", 3072), ("7B", 7), ("2tib", 2 << 40),
        ])
    func read(text: String, bytes: Int) {
        #expect(ByteCount(text)?.bytes == bytes)
    }

    @Test(
        "other texts are not",
        arguments: ["", "GiB", "-1", "1.5", "1 2", "1e9", "1XB", ".5GiB", "1.GiB", "1..5GiB", "99999999TiB"])
    func refuse(text: String) {
        #expect(ByteCount(text) == nil)
    }

    @Test("sizes are written as they are read", arguments: [0, 1, 1000, 1024, 3 << 29, 1 << 40])
    func write(bytes: Int) throws {
        let count = ByteCount(bytes)
        #expect(ByteCount(count.description) == count)
        #expect(try JSONDecoder().decode(ByteCount.self, from: JSONEncoder().encode(count)) == count)
        #expect(try JSONDecoder().decode(ByteCount.self, from: Data("\(bytes)".utf8)) == count)
    }

    @Test("seconds")
    func seconds() {
        #expect(Seconds(0.0015).milliseconds == 2)
        #expect(Seconds(-1).value == 0)
        #expect(Seconds(.nan).value == 0)
        #expect(Seconds(.infinity).value == Seconds.maximum)
        #expect(Seconds(2).duration == .seconds(2))
        #expect(Seconds(1) < Seconds(2))
        #expect(Seconds(600).description == "600 s")
    }
}
