import ArgumentParser
import Operator

/// How results are printed.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print one JSON object a line on standard output.")
    var json = false

    var printer: Printer { Printer(json: json) }
}
