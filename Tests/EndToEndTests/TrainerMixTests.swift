import Foundation
import Testing
import Weights

/// One cohort of a Swift trainer and a NumPy trainer: the aggregate is what NumPy alone computes.
@Suite(.serialized)
struct TrainerMixTests {
    static let python = "/usr/bin/python3"

    static let hasNumPy: Bool = {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["-c", "import numpy"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    @Test(
        "A cohort of a Swift and a NumPy trainer aggregates to the NumPy reference",
        .enabled(if: hasNumPy, "python3-numpy is not installed"))
    func mixedCohort() async throws {
        try await Sandbox.with { sandbox in
            try await sandbox.makeData()
            try await sandbox.startCoordinator()
            let example = Executables.repository.appendingPathComponent("Deploy/examples/numpy_trainer.py").path
            try await sandbox.startClient("site-1")
            try await sandbox.startClient("site-2", trainer: "[\(Self.python), \(example)]")
            try await sandbox.startClient("evaluator")
            // Whole-batch steps: the order of examples in an epoch makes no difference then.
            let job = try await sandbox.submit(
                """
                name: mixed
                model: {name: softmax, features: 768, classes: 6}
                data: synthetic-har
                rounds: 2
                seed: 8
                clients: {minimum: 2}
                deadline: 120
                training: {epochs: 2, batchSize: 100000, learningRate: 0.05, momentum: 0.9, weightDecay: 0.001, clipNorm: 10}
                """)
            try await sandbox.tributary("watch", job)
            let initial = sandbox.path("initial.safetensors")
            let last = sandbox.path("last.safetensors")
            try await sandbox.export(job, round: "initial").write(to: URL(fileURLWithPath: initial))
            try await sandbox.export(job, round: "last").write(to: URL(fileURLWithPath: last))
            let reference = Executables.repository.appendingPathComponent(
                "Tests/EndToEndTests/Reference/softmax_reference.py"
            ).path
            let expected = sandbox.path("expected.safetensors")
            try await sandbox.succeed(
                Self.python,
                [reference, initial, expected, sandbox.path("sites/site-1"), sandbox.path("sites/site-2")])
            let found = try SafetensorsFile(path: last).read()
            let wanted = try SafetensorsFile(path: expected).read()
            #expect(found.schema == wanted.schema)
            for tensor in found.schema.tensors {
                let pairs = zip(try found.floats(tensor.name), try wanted.floats(tensor.name))
                #expect(pairs.allSatisfy { abs($0 - $1) <= 1e-6 }, "\(tensor.name)")
            }
        }
    }
}
