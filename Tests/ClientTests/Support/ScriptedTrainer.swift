import Client
import Foundation
import TestSupport

/// A small trainer in Python whose behaviour is a word on its command line.
enum ScriptedTrainer {
    static let python = "/usr/bin/python3"

    static var isAvailable: Bool { FileManager.default.isExecutableFile(atPath: python) }

    /// Writes the script into a folder and returns the limits and command that run it.
    static func configuration(
        _ mode: String, schema: String = String(repeating: "0", count: 64), in folder: TemporaryFolder,
        memory: Int64 = 1 << 30, stall: Duration = .seconds(60)
    ) throws -> TrainerConfiguration {
        let script = try folder.write(Array(source.utf8), to: "trainer.py")
        return TrainerConfiguration(command: [python, script, mode, schema], memory: memory, stall: stall)
    }

    /// The update is a copy of the weights. `state/calls` gets a line for each training.
    static let source = """
        import fcntl, json, mmap, os, shutil, signal, subprocess, sys, time

        mode, schema = sys.argv[1:3]

        def say(**message):
            print(json.dumps(message), flush=True)

        def wait():
            while True:
                time.sleep(60)

        def train(request):
            with open(request["state"] + "calls", "a") as file:
                file.write(str(request["round"]) + "\\n")
            say(type="progress", fraction=0.5, metrics={"loss": 1.5})
            while mode == "steady" and not os.path.exists(request["state"] + "go"):
                say(type="progress", fraction=0.5, metrics={"loss": 1.5})
                time.sleep(0.005)
            if mode == "hang":
                wait()
            if mode == "crash":
                print("out of luck", file=sys.stderr, flush=True)
                sys.exit(3)
            if mode == "last-words":
                # Nearly a pipe full in one piece, of which the end matters.
                fcntl.fcntl(2, 1031, 1 << 20)
                os.write(2, b"x" * 900000 + b"\\nout of luck\\n")
                os._exit(3)
            if mode == "flood":
                sys.stdout.write("x" * (3 << 20))
                sys.stdout.flush()
                wait()
            if mode == "unknown":
                say(type="nonsense")
                wait()
            if mode == "garbage":
                print("this is not JSON", flush=True)
                wait()
            if mode == "hog":
                block = mmap.mmap(-1, 200 << 20)
                for position in range(0, 200 << 20, 4096):
                    block[position] = 1
                wait()
            if mode == "cancellable":
                while json.loads(sys.stdin.readline())["type"] != "cancel":
                    pass
                return say(type="failed", code="cancelled", reason="as asked")
            if mode == "fails":
                return say(type="failed", code="data", reason="a label is missing")
            if mode == "talkative":
                for line in range(40000):
                    print("line", line, "x" * 100, file=sys.stderr)
            if mode.startswith("lingers"):
                while not os.path.exists(request["state"] + "go"):
                    time.sleep(0.005)
                os.remove(request["state"] + "go")
            if mode == "lingers-fails":
                return say(type="failed", code="data", reason="a label is missing")
            shutil.copyfile(request["weights"], request["update"])
            say(type="done", examples=10, sums={"loss": 12.5})

        for line in sys.stdin:
            request = json.loads(line)
            if request["type"] == "hello":
                if mode == "grandchild":
                    child = subprocess.Popen(["sleep", "1000"])
                    with open("state/grandchild", "w") as file:
                        file.write(str(child.pid))
                say(type="hello", version=2 if mode == "newer" else 1, trainer="scripted", threads=1,
                    libraries={"Python": "3"}, schema=schema, datasets={"train": 10})
                if mode == "deaf":
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                    wait()
            elif request["type"] == "train":
                train(request)
            elif request["type"] == "evaluate":
                say(type="done", examples=4, sums={"loss": 2.0}, confusion=[[1, 1], [0, 2]])
            elif request["type"] == "bye":
                sys.exit(0)
        """
}
