import ArgumentParser
import Configuration
import LoadTest
import Measurement

/// `tributary benchmark wire`
struct WireBenchmarkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wire",
        abstract: "Measure bulk transfer both ways over mutual TLS, with the machine's own limits.",
        discussion: """
            EXAMPLE
              tributary benchmark wire --size 100MB --repetitions 10

            Starts a coordinator with certificates of its own in a temporary folder. One client fetches the weights \
            (hashed and written to a file) and uploads an update (checked, hashed, spooled, synchronised, committed) on \
            one stream each.
            """
    )

    @Option(help: "The size of the model.", transform: byteCount)
    var size = ByteCount(100_000_000)

    @Option(help: "How many transfers each way count.")
    var repetitions = 7

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...1000).contains(repetitions) else { throw ValidationError("--repetitions: expected 1 to 1000") }
        guard (4...(2 << 30)).contains(size.bytes) else { throw ValidationError("--size: expected 4B to 2GiB") }
    }

    func run() async throws {
        let measure = WireMeasure(
            programs: try OwnPrograms.folder(), bytes: size.bytes / 4 * 4, repetitions: repetitions)
        try BenchmarkFigure.show(try await measure.run(), json: output.json)
    }
}

/// Reads a size such as 95MiB.
func byteCount(_ text: String) throws -> ByteCount {
    guard let count = ByteCount(text) else {
        throw ValidationError("found \"\(text)\", expected a size like 95MiB, 100MB or 4096")
    }
    return count
}
