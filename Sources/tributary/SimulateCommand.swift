import ArgumentParser
import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `tributary simulate`: becomes `tributary-lab simulate`, which loads LibTorch.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Run a job over virtual clients on this machine.",
        discussion: """
            EXAMPLE
              tributary simulate Configs/jobs/har-simulated.yaml --output runs/har
              tributary simulate job.yaml --data ~/data/uci-har --seeds 8,16 --set rounds=50 --output runs/two-seeds

            Carried out by tributary-lab, beside this program or in PATH; all options: tributary simulate --help.
            """
    )

    @Argument(parsing: .captureForPassthrough, help: "The arguments of tributary-lab simulate.")
    var arguments: [String] = []

    func run() throws {
        try LabProgram.become(["simulate"] + arguments)
    }
}

/// The program that holds the models.
enum LabProgram {
    static let name = "tributary-lab"

    /// Replaces this process; returns only by throwing.
    ///
    /// - Throws: when the program is neither beside this one nor in PATH.
    static func become(_ arguments: [String]) throws -> Never {
        guard let path = find() else {
            let message = """
                tributary: \(name) is neither beside this program nor in PATH.
                It is a product of this package: swift build -c release --product \(name)

                """
            FileHandle.standardError.write(Data(message.utf8))
            throw ExitCode.failure
        }
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        words.append(nil)
        // This thread belongs to a pool whose threads take no signals, and the new program would inherit that: Ctrl-C.
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        execv(path, words)
        let message = "tributary: \(path) cannot be started: \(String(cString: strerror(errno)))\n"
        FileHandle.standardError.write(Data(message.utf8))
        throw ExitCode.failure
    }

    /// Beside the real path of this program, else in PATH.
    static func find() -> String? {
        var folders: [String] = []
        if let own = realpath("/proc/self/exe", nil) {
            folders.append(URL(fileURLWithPath: String(cString: own)).deletingLastPathComponent().path)
            free(own)
        }
        folders += (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }
}
