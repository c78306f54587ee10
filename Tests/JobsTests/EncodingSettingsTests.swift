import Foundation
import Jobs
import Testing
import Weights

@Suite("Encodings of jobs")
struct EncodingSettingsTests {
    @Test func defaults() throws {
        #expect(try EncodingSettings([:]).encoding == .f32)
        #expect(try EncodingSettings(["name": "f32"]).encoding == .f32)
        #expect(try EncodingSettings(["name": "bf16"]).encoding == UpdateEncoding(.bf16))
        #expect(try EncodingSettings(["name": "f16", "errorFeedback": true]).hasErrorFeedback)
        #expect(
            try EncodingSettings(["name": "int8"]).encoding
                == UpdateEncoding(.int8(block: 256), hasErrorFeedback: true))
        #expect(
            try EncodingSettings(["name": "top-k", "fraction": 0.25, "errorFeedback": false]).encoding
                == UpdateEncoding(.topK(fraction: 0.25)))
    }

    @Test(
        arguments: [
            (["name": "int"], "did you mean \"int8\"?"),
            (["name": "topk"], "did you mean \"top-k\"?"),
            (["block": 64], "expected one of f32, bf16, f16, int8, top-k"),
            (["name": "int8", "blok": 64], "unknown key \"blok\", expected name, block, errorFeedback; did you mean"),
            (["name": "int8", "block": 7], "encoding.block: found 7, expected a whole number from 8 to 65536"),
            (["name": "int8", "block": 65537], "encoding.block: found 65537"),
            (["name": "int8", "fraction": 0.1], "unknown key \"fraction\""),
            (["name": "f32", "errorFeedback": true], "unknown key \"errorFeedback\""),
            (["name": "top-k", "fraction": 0.5], "encoding.fraction: found 0.5"),
            (["name": "top-k", "fraction": 0], "encoding.fraction: found 0"),
            (["name": "int8", "errorFeedback": "yes"], "expected true or false"),
        ] as [(Settings, String)])
    func refused(settings: Settings, expected: String) throws {
        let problems = EncodingSettings.problems(of: settings)
        #expect(problems.count == 1 && problems[0].contains(expected), "\(problems)")
        #expect(throws: JobsError.self) { try EncodingSettings(settings) }
        let job = JobSpecification(name: "job", model: ["name": "m"], data: "d", rounds: 1, encoding: settings)
        #expect(job.problems == problems)
    }

    @Test("A job says how its updates are written; what a strategy adds stays as it is")
    func schema() throws {
        let json = Data(
            #"{"name":"job","model":{"name":"m"},"data":"d","rounds":1,"encoding":"int8","strategy":{"name":"scaffold","clients":2}}"#
                .utf8)
        let job = try JobSpecification(json: json)
        let model = try WeightsSchema([TensorSpec(name: "w", dtype: .f32, shape: [512])])
        let weights = try AuxiliaryTensors(StrategySettings(job.strategy)).globalSchema(model: model)
        let schema = try job.encodedSchema(for: job.updateSchema(for: weights))
        #expect(schema.encoded.tensors.map(\.name) == ["aux.control.w", "w#scale", "w"])
        #expect(schema.encoded["aux.control.w"]?.dtype == .f32 && schema.encoded["w"]?.dtype == .u8)
        #expect(schema.encoded["w#scale"]?.shape == [2])
        // Two tensors of a model must not need one name.
        let twice = try WeightsSchema([
            TensorSpec(name: "w", dtype: .f32, shape: [512]), TensorSpec(name: "w#scale", dtype: .i64, shape: []),
        ])
        #expect(throws: JobsError.self) { try job.encodedSchema(for: twice) }
    }
}
