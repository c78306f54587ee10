import Foundation
import Jobs
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import Weights

@testable import Client

/// Personal tensors stay at the site, whatever a trainer writes into its update.
@Suite(.enabled(if: ScriptedTrainer.isAvailable, "python3 is not installed"), .timeLimit(.minutes(10)))
struct PersonalTensorTests {
    /// Four numbers of a tensor that follow one another, as they lie in a file.
    private func traces(_ values: [Float]) -> [Data] {
        stride(from: 0, to: values.count - 4, by: 4).map { start in
            values[start..<start + 4].withUnsafeBytes { Data($0) }
        }
    }

    @Test(
        "Everything that leaves the daemon is searched for a personal tensor, which a careless trainer sends along",
        arguments: ["fedbn", "fedper", "fedrep"], ["f32", "int8"])
    func uploads(strategy: String, encoding: String) async throws {
        let site = try TestSite(values: 4000)
        var job = TestSite.specification
        job.strategy = ["name": .string(strategy), "personal": .list([.string("weight")])]
        job.encoding = ["name": .string(encoding)]
        let specification = job
        site.coordinator.state.withLock { state in
            state.tasks = (0..<3).map { try! site.task($0, specification: specification) }
        }
        try await site.running(try site.daemon()) { try await site.uploaded(3) }

        let (uploads, headers, messages) = site.coordinator.state.withLock { state in
            (Array(state.uploads.values), state.headers, state.received)
        }
        #expect(uploads.count == 3)
        for upload in uploads {
            let sent = try Safetensors.decode([UInt8](upload)).schema
            #expect(sent.tensors.allSatisfy { $0.name.hasPrefix("bias") }, "\(sent.tensors.map(\.name))")
        }
        let traces = traces(try site.weights.floats("weight"))
        #expect(traces.allSatisfy { site.blob.range(of: $0) != nil }, "the search finds what is there")
        let told = try headers.map { try $0.serializedData() } + messages.map { Data("\($0)".utf8) }
        for data in uploads + told {
            #expect(!traces.contains { data.range(of: $0) != nil })
            // The name may stand in nothing but the coordinator's own job.
            #expect(data.range(of: Data("\"weight\"".utf8)) == nil)
        }
    }
}
