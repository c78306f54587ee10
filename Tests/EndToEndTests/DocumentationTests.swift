import Foundation
import Testing

/// The commands that README and Documentation show are run as they stand there.
@Suite(.serialized)
struct DocumentationTests {
    /// Pages whose `sh` blocks run one after another in one folder; `yaml` blocks that begin with a file's name as a
    /// comment are written to that file.
    static let pages = [
        // Deploy revokes a client: pages whose jobs need all of them come before.
        "Documentation/GettingStarted.md", "Documentation/Jobs.md", "Documentation/Privacy.md",
        "Documentation/Deploy.md", "Documentation/Simulate.md", "Documentation/Robustness.md",
        "Documentation/FedMultimodal.md", "Documentation/Datasets.md", "Documentation/Encodings.md",
    ]

    struct Block {
        var language: String
        var text: String
    }

    static func blocks(of page: String) throws -> [Block] {
        let text = try String(contentsOf: Executables.repository.appendingPathComponent(page), encoding: .utf8)
        var blocks: [Block] = []
        var current: Block?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                if let block = current {
                    blocks.append(block)
                    current = nil
                } else {
                    current = Block(language: String(line.dropFirst(3)), text: "")
                }
            } else {
                current?.text += line + "\n"
            }
        }
        return blocks
    }

    @Test("The guide's commands run from top to bottom, and those of the other pages after them")
    func guides() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tributary-docs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let port = try Self.freePort()
        var script = "set -e\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n"
        for page in Self.pages {
            for block in try Self.blocks(of: page) {
                let text = block.text.replacingOccurrences(of: "8443", with: "\(port)")
                let first = text.split(separator: "\n").first.map(String.init) ?? ""
                if block.language == "yaml", first.hasPrefix("# "), first.hasSuffix(".yaml") {
                    script += "cat > \(first.dropFirst(2)) <<'EOF_BLOCK'\n\(text)EOF_BLOCK\n"
                } else if block.language == "sh" {
                    script += "echo '--- \(page)' >&2\n"
                    // A newcomer reads for a moment before the next step; the script waits for the clients instead.
                    script += text.replacingOccurrences(
                        of: "tributary clients\n",
                        with:
                            "until [ $(tributary clients --json 2>/dev/null | grep -c connected) = 3 ]; do sleep 0.1; done\n"
                            + "tributary clients\n"
                    ).replacingOccurrences(
                        of: "tributary-client check",
                        with:
                            "while [ ! -s identities/coordinator/state/address ]; do sleep 0.1; done\ntributary-client check"
                    )
                }
            }
        }
        let file = folder.appendingPathComponent("commands.sh")
        try script.write(to: file, atomically: true, encoding: .utf8)
        let result = try await CommandResult.run("/bin/bash", [file.path], folder: folder)
        #expect(result.status == 0, "\(result.output)\n\(result.errors)")
        #expect(FileManager.default.fileExists(atPath: folder.appendingPathComponent("model/weights.safetensors").path))
    }

    @Test("Every command that a page names exists with the options it names")
    func namedCommands() async throws {
        let pages =
            try FileManager.default.subpathsOfDirectory(
                atPath: Executables.repository.appendingPathComponent("Documentation").path
            ).filter { $0.hasSuffix(".md") }.map { "Documentation/" + $0 } + ["README.md"]
        var helps: [String: String] = [:]
        for page in pages {
            for block in try Self.blocks(of: page) where block.language == "sh" {
                for line in block.text.split(separator: "\n") {
                    let words = line.split(separator: " ").map(String.init).filter { $0 != "&" }
                    guard let name = words.first, name.hasPrefix("tributary") else { continue }
                    let path = words.dropFirst().prefix {
                        $0.range(of: "^[a-z][a-z-]*$", options: .regularExpression) != nil
                    }
                    let depth = ["audit", "benchmark", "privacy"].contains(path.first ?? "") ? 2 : 1
                    let arguments = Array(path.prefix(depth))
                    let key = ([name] + arguments).joined(separator: " ")
                    if helps[key] == nil {
                        let result = try await CommandResult.run(name, arguments + ["--help"])
                        #expect(result.status == 0, "\(page): \(key)")
                        helps[key] = result.output
                    }
                    for option in words where option.hasPrefix("--") {
                        #expect(helps[key]?.contains(option) == true, "\(page): \(key) has no \(option)")
                    }
                }
            }
        }
        #expect(helps.count > 5)
    }

    @Test("The demo trains, prints one JSON object last, and leaves nothing running")
    func demo() async throws {
        let output = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tributary-demo-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: output) }
        let result = try await CommandResult.run(
            Executables.repository.appendingPathComponent("Deploy/demo").path,
            ["--rounds", "2", "--clients", "2", "--model", "softmax", "--output", output.path],
            environment: ["TRIBUTARY_BIN": Executables.folder.path]
        )
        #expect(result.status == 0, "\(result.errors)")
        let last = try #require(result.output.split(separator: "\n").last)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any])
        #expect(object["rounds"] as? Int == 2)
        let macroF1 = try #require(object["macroF1"] as? Double)
        #expect((0...1).contains(macroF1))
        #expect(object["seconds"] is Double)
        let weights = try #require(object["weights"] as? String)
        #expect(FileManager.default.fileExists(atPath: weights))
        #expect(FederationTests.processes(mentioning: output.path).isEmpty)
    }

    @Test(
        "The demo says what is wrong with its arguments",
        arguments: [
            ["--rounds", "none"], ["--clients", "0"], ["--data", "/no/such/folder"], ["--unknown"], ["--output"],
        ])
    func demoRefusals(arguments: [String]) async throws {
        let result = try await CommandResult.run(
            Executables.repository.appendingPathComponent("Deploy/demo").path, arguments,
            environment: ["TRIBUTARY_BIN": Executables.folder.path])
        #expect(result.status == 2)
        #expect(!result.errors.isEmpty)
    }

    /// A port on which nobody listens. It is none of those that the system gives away by itself, so nobody gets it before it
    /// is used.
    static func freePort() throws -> Int {
        let range = try? String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)
        let given = range?.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) } ?? 32_768
        let own = given > 12_000 ? 10_000..<given : 61_000..<65_536
        for _ in 0..<1000 {
            let port = Int.random(in: own)
            if isFree(port) { return port }
        }
        throw RunningProcess.Failure(description: "no port of \(own) is free")
    }

    private static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
