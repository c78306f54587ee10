import ArgumentParser
import Operator

/// How results are printed.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print one JSON object a line on standard output.")
    var json = false

    var printer: Printer { Printer(json: json) }

    /// Follows a job; ends the command with status 3 when it is not known how the job ends.
    func following(_ body: (JobFollower) async throws -> Void) async throws {
        do {
            try await body(JobFollower(printer: printer))
        } catch let error as OperatorError where error.code == .lost {
            Printer.note("Error: \(error)")
            throw ExitCode(3)
        }
    }
}
