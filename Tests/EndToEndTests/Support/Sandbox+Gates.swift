import Foundation

/// Trainers that wait for the test, so that nothing happens earlier than it should however fast the machine is.
extension Sandbox {
    /// A trainer's command that begins its n-th training when the gate `<name>.<n>` or `all` is open.
    nonisolated func gate(_ name: String) throws -> String {
        let script = """
            n=0
            while IFS= read -r line; do
                case "$line" in
                *'"update":'*)
                    n=$((n + 1))
                    while [ ! -e "$2/$3.$n" ] && [ ! -e "$2/all" ]; do sleep 0.05; done ;;
                esac
                printf '%s\\n' "$line"
            done | "$1" trainer
            """
        try script.write(toFile: path("gate.sh"), atomically: true, encoding: .utf8)
        let parts = ["/bin/bash", path("gate.sh"), Executables.path("tributary-lab"), path("gates"), name]
        return "[\(parts.joined(separator: ", "))]"
    }

    /// Opens a gate for good.
    nonisolated func open(_ gate: String) throws {
        try FileManager.default.createDirectory(atPath: path("gates"), withIntermediateDirectories: true)
        try "".write(toFile: path("gates/\(gate)"), atomically: true, encoding: .utf8)
    }
}
