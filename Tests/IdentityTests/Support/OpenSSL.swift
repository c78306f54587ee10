import Dispatch
import Foundation

/// The command-line tool, an independent opinion where it is installed.
enum OpenSSL {
    static let path = "/usr/bin/openssl"

    /// Runs it and returns what it printed.
    ///
    /// - Parameters:
    ///   - input: its standard input.
    ///   - marker: keeps the input open until one of these texts (separated by `|`) was printed; nil closes it at once.
    static func run(_ arguments: [String], input: String = "", until marker: String? = nil) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try runBlocking(arguments, input: input, until: marker) })
            }
        }
    }

    private static func runBlocking(_ arguments: [String], input: String, until marker: String?) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        let (source, output) = (Pipe(), Pipe())
        process.standardInput = source
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try source.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        var text = ""
        let markers = marker.map { $0.split(separator: "|") } ?? []
        if markers.isEmpty { try source.fileHandleForWriting.close() }
        var isOpen = !markers.isEmpty
        while let data = try output.fileHandleForReading.read(upToCount: 4096), !data.isEmpty {
            text += String(decoding: data, as: UTF8.self)
            if isOpen, markers.contains(where: { text.contains($0) }) {
                try source.fileHandleForWriting.close()
                isOpen = false
            }
        }
        process.waitUntilExit()
        return text
    }
}
