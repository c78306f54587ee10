import ArgumentParser
import Foundation

/// What the benchmarks of many runs print when they end.
enum BenchmarkRows {
    /// Prints the rows on standard output, one JSON object a line or as tables.
    ///
    /// - Throws: exit status 130 when the benchmark was stopped before all runs were complete.
    static func show(_ rows: [some Encodable], tables: String, json: Bool, isComplete: Bool) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            for row in rows { print(String(decoding: try encoder.encode(row), as: UTF8.self)) }
        } else {
            print(tables)
        }
        guard isComplete else {
            FileHandle.standardError.write(Data("stopped; the same command goes on\n".utf8))
            throw ExitCode(130)
        }
    }
}
