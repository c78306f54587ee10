import Foundation

/// How a site runs its trainer: the command and its limits. Only the site sets these, never a job.
public struct TrainerConfiguration: Sendable, Hashable {
    /// The program and its arguments.
    public var command: [String]
    /// The most memory, in bytes: the limit of the trainer's data segment, and of its process group's resident memory.
    public var memory: Int64
    /// The longest time without a sign of life while a request runs.
    public var stall: Duration
    /// How many threads the trainer may compute on.
    public var threads: Int

    /// 4 GiB, 10 minutes, one thread.
    public static let defaults = TrainerConfiguration(
        command: ["tributary-lab", "trainer"], memory: 4 << 30, stall: .seconds(600), threads: 1)

    /// Creates a configuration.
    public init(
        command: [String], memory: Int64 = 4 << 30, stall: Duration = .seconds(600), threads: Int = 1
    ) {
        self.command = command
        self.memory = memory
        self.stall = stall
        self.threads = threads
    }

    /// The command with its program as an absolute path.
    ///
    /// A name with a slash is relative to `folder`; a bare name is looked for beside this executable, then in PATH.
    ///
    /// - Throws: ``ClientError`` (`trainer`) that names where was looked.
    public func resolvedCommand(relativeTo folder: String) throws -> [String] {
        guard let program = command.first, !program.isEmpty else {
            throw ClientError(.configuration, "trainer.command: found nothing, expected a program and its arguments")
        }
        let rest = command.dropFirst()
        if program.contains("/") {
            let path = URL(fileURLWithPath: program, relativeTo: URL(fileURLWithPath: folder, isDirectory: true)).path
            guard FileKind.isProgram(path) else {
                throw ClientError(.trainer, "trainer.command: \(path) is not a program that can be run")
            }
            return [path] + rest
        }
        var folders: [String] = []
        if let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
            folders.append(URL(fileURLWithPath: own).deletingLastPathComponent().path)
        }
        folders += (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")
            .split(separator: ":").map(String.init)
        for folder in folders where FileKind.isProgram("\(folder)/\(program)") {
            return ["\(folder)/\(program)"] + rest
        }
        throw ClientError(
            .trainer,
            "trainer.command: no program \(program) beside this one nor in PATH; install it or name it by its path")
    }

    /// The trainer's environment: this process's own without the daemon's settings, numeric libraries held to `threads`
    /// unless the site says otherwise.
    var environment: [String: String] {
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRIBUTARY_CLIENT_") }
        for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"] where environment[name] == nil {
            environment[name] = String(threads)
        }
        return environment
    }
}
