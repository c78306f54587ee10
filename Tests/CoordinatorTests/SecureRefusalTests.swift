import Foundation
import Jobs
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import Wire
import WireMessages

@testable import Coordinator

/// Whatever one client says in a round with secure aggregation, it is refused with a recorded reason and the round goes on.
@Suite(.timeLimit(.minutes(10))) struct SecureRefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// At which step.
        var step: SecureRequest.Step
        /// What the audit log says.
        var reason: String
        /// Whether the client's update is in the sum all the same.
        var isInTheSum: Bool
        var conduct: @Sendable (TaskIdentity) -> SecureSite.Conduct
    }

    static func bytes(_ count: Int) -> Data { Data((0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + 1) }) }

    static func message(
        _ task: TaskIdentity, _ change: (inout Tributary_V1_SecureAnswer) -> Void
    ) -> Tributary_V1_SecureAnswer {
        .with {
            $0.identity = task.message
            change(&$0)
        }
    }

    static func keys(_ task: TaskIdentity, _ change: (inout Tributary_V1_SecureKeys) -> Void = { _ in })
        -> Tributary_V1_SecureAnswer
    {
        message(task) {
            $0.keys = .with {
                $0.channelKey = bytes(32)
                $0.maskKey = bytes(32)
                $0.commitment = bytes(32)
                $0.signature = bytes(70)
                change(&$0)
            }
        }
    }

    static func box(_ client: String, _ count: Int) -> Tributary_V1_SecureBox {
        .with {
            $0.client = client
            $0.box = bytes(count)
        }
    }

    static let cases: [Case] = [
        Case(testDescription: "keys with a wrong signature", step: .invitation, reason: "not signed", isInTheSum: false)
        {
            .send([keys($0)])
        },
        Case(
            testDescription: "keys in another client's name", step: .invitation, reason: "another client's name",
            isInTheSum: false
        ) { .send([keys($0) { $0.client = "site-2" }]) },
        Case(
            testDescription: "a certificate of its own choice", step: .invitation, reason: "keys.certificate",
            isInTheSum: false
        ) { .send([keys($0) { $0.certificate = bytes(500) }]) },
        Case(
            testDescription: "a key of a wrong size", step: .invitation, reason: "keys.mask_key", isInTheSum: false
        ) { .send([keys($0) { $0.maskKey = bytes(31) }]) },
        Case(
            testDescription: "an oversized signature", step: .invitation, reason: "keys.signature", isInTheSum: false
        ) { .send([keys($0) { $0.signature = bytes(100_000) }]) },
        Case(
            testDescription: "other keys after the keys", step: .invitation, reason: "out-of-order", isInTheSum: true
        ) { .then([keys($0)]) },
        Case(
            testDescription: "a signature before there is a list", step: .invitation, reason: "out-of-order",
            isInTheSum: true
        ) { task in .after([message(task) { $0.signature = bytes(70) }]) },
        Case(
            testDescription: "an answer for an attempt that is not open", step: .invitation, reason: "not open",
            isInTheSum: true
        ) { task in
            var other = task
            other.attempt = 7
            return .after([keys(other)])
        },
        Case(
            testDescription: "an oversized share", step: .roster, reason: "boxes.box", isInTheSum: false
        ) { task in .send([message(task) { $0.boxes.boxes = [box("site-2", 300)] }]) },
        Case(
            testDescription: "more shares than clients can be", step: .roster, reason: "boxes.client", isInTheSum: false
        ) { task in .send([message(task) { $0.boxes.boxes = (0..<501).map { box("site-\($0)", 93) } }]) },
        Case(
            testDescription: "shares for too few neighbours", step: .roster, reason: "one for each of its neighbours",
            isInTheSum: false
        ) { task in .send([message(task) { $0.boxes.boxes = [box("site-2", 93)] }]) },
        Case(
            testDescription: "two shares for one neighbour", step: .roster, reason: "occurs twice", isInTheSum: false
        ) { task in .send([message(task) { $0.boxes.boxes = [box("site-2", 93), box("site-2", 93)] }]) },
        Case(
            testDescription: "a complaint of a stranger", step: .check, reason: "nobody sent it", isInTheSum: false
        ) { task in .send([message(task) { $0.complaints.clients = ["stranger"] }]) },
        Case(
            testDescription: "a complaint twice", step: .check, reason: "occurs twice", isInTheSum: false
        ) { task in .send([message(task) { $0.complaints.clients = ["site-2", "site-2"] }]) },
        Case(
            testDescription: "a complaint before there is a share", step: .roster, reason: "out-of-order",
            isInTheSum: true
        ) { task in .after([message(task) { $0.complaints.clients = ["site-2"] }]) },
        Case(
            testDescription: "a wrong signature of the list", step: .survivors,
            reason: "list of arrived updates is not",
            isInTheSum: true
        ) { task in .send([message(task) { $0.signature = bytes(70) }]) },
        Case(
            testDescription: "shares that nobody asked for", step: .signatures, reason: "nobody asked it for",
            isInTheSum: true
        ) { task in
            .send([
                message(task) {
                    $0.shares.keys = [
                        .with {
                            $0.client = "site-2"
                            $0.point = 1
                            $0.share = bytes(32)
                        }
                    ]
                }
            ])
        },
        Case(
            testDescription: "a share at point 0", step: .signatures, reason: "shares.seeds.point", isInTheSum: true
        ) { task in
            .send([
                message(task) {
                    $0.shares.seeds = [
                        .with {
                            $0.client = "site-2"
                            $0.share = bytes(32)
                        }
                    ]
                }
            ])
        },
        Case(
            testDescription: "masks it off with a wrong share", step: .signatures, reason: "", isInTheSum: true
        ) { task in
            .send([
                message(task) {
                    $0.shares.seeds = ["site-1", "site-2", "site-3", "site-4"].map { name in
                        .with {
                            $0.client = name
                            $0.point = 1
                            $0.share = bytes(32)
                        }
                    }
                }
            ])
        },
        Case(testDescription: "the same answers twice", step: .roster, reason: "", isInTheSum: true) { _ in .twice },
    ]

    @Test(arguments: cases)
    func refused(_ sample: Case) async throws {
        let tests = try SecureAggregationTests()
        let sites = SecureAggregationTests.sites { request, task in
            request.step == sample.step ? sample.conduct(task) : .answer
        }
        let outcome = try await tests.run(SecureFixtures.specification(), sites)
        #expect(outcome.summary.state == "finished", "\(outcome.summary.reason)")
        let names = SecureAggregationTests.names
        let survivors = sample.isInTheSum ? names : Array(names.dropFirst())
        #expect(outcome.rounds.first?.admitted == survivors)
        #expect(
            outcome.weights
                == SecureAggregationTests.canonical(try SecureFixtures.weights(of: survivors, cohort: 4)))
        if sample.reason.isEmpty {
            #expect(!outcome.audit.contains("secure.refused"))
        } else {
            let lines = outcome.audit.split(separator: "\n").filter { $0.contains("secure.refused") }
            #expect(lines.contains { $0.contains(sample.reason) && $0.contains("site-1") }, "\(lines)")
        }
        if !sample.isInTheSum {
            // The round's history says it as well.
            let refusals = outcome.rounds.first?.refusals ?? []
            #expect(refusals.contains { $0.client == "site-1" && $0.code == "secure-aggregation" }, "\(refusals)")
        }
    }

    @Test("An update of a client that is not in the exchange is refused")
    func uninvited() async throws {
        let folder = try TemporaryFolder()
        let specification = SecureFixtures.specification(minimum: 3)
        let size = try SecureFixtures.updateBytes
        let intruder = ScriptedSite("site-1") { task in
            // Right in its form, and without a share of anything behind it.
            .bytes([UInt8](repeating: 7, count: size)) { _ in }
        }
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(specification).job
            try await SecureDoor.with(server) { door in
                try await door.withSites([intruder]) {
                    try await door.withSites(["site-2", "site-3", "site-4"].map { SecureSite($0) }) {
                        let summary = try await server.finished(job)
                        #expect(summary.state == "finished", "\(summary.reason)")
                        let rounds = try await server.rounds(job)
                        #expect(rounds.first?.admitted == ["site-2", "site-3", "site-4"])
                    }
                }
            }
        }
        let receipt = try #require(intruder.receipts.withLock { $0.first })
        #expect(receipt.status == .refused)
        #expect(receipt.code == "secure-aggregation")
    }
}
