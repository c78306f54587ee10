import Foundation
import Jobs
import SwiftProtobuf
import Synchronization
import Testing
import Wire
import WireMessages

@testable import Coordinator

/// A client whose shares nobody can open is found out and left out, over the real wire; liars cost nobody else anything.
@Suite(.timeLimit(.minutes(10))) struct SecureBlameTests {
    private static let names = (1...8).map { "site-\($0)" }
    private static let others = Array(names.dropFirst())

    /// Of a secret's eight holders five are needed.
    private static func specification() -> JobSpecification {
        SecureFixtures.specification(clients: 8, minimum: 5) {
            $0.limits.quarantineAfter = 1
        }
    }

    /// Sends what nobody can open.
    private static let garbage: @Sendable (SecureRequest, TaskIdentity) -> SecureSite.Conduct = { request, task in
        switch request.step {
        case .roster:
            .send([
                SecureRefusalTests.message(task) {
                    $0.boxes.boxes = others.map { SecureRefusalTests.box($0, 93) }
                }
            ])
        case .check: .send([SecureRefusalTests.message(task) { $0.complaints = .init() }])
        default: .answer
        }
    }

    private func check(_ outcome: SecureAggregationTests.Outcome) throws {
        #expect(outcome.summary.state == "finished", "\(outcome.summary.reason)")
        #expect(outcome.rounds.first?.admitted == Self.others)
        #expect(
            outcome.weights
                == SecureAggregationTests.canonical(try SecureFixtures.weights(of: Self.others, cohort: 8)))
        let refusals = outcome.rounds.first?.refusals ?? []
        #expect(refusals.map(\.client) == ["site-1"])
        #expect(refusals.first?.code == "secure-shares")
        let reason = refusals.first?.reason ?? ""
        #expect(reason.contains("neighbours cannot open the client's shares"), "\(reason)")
        // An offence: the job's limit is one.
        #expect(reason.contains("left out of further rounds after 1 refused"), "\(reason)")
        let lines = outcome.audit.split(separator: "\n").filter { $0.contains("secure.refused") }
        #expect(lines.count == 1 && lines[0].contains("site-1") && lines[0].contains("secure-shares"), "\(lines)")
    }

    @Test("One bad client among eight is left out and named, and the attempt succeeds without it")
    func oneBadClient() async throws {
        let sites = [SecureSite("site-1", conduct: Self.garbage)] + Self.others.map { SecureSite($0) }
        try check(try await SecureAggregationTests().run(Self.specification(), sites))
    }

    @Test("Clients of an older version are not asked, and mask with those who are left")
    func olderVersion() async throws {
        let older = SecureSite("site-8", features: ["secure-aggregation"])
        let sites =
            [SecureSite("site-1", conduct: Self.garbage)] + Self.others.dropLast().map { SecureSite($0) } + [older]
        try check(try await SecureAggregationTests().run(Self.specification(), sites))
        let steps = older.requests.withLock { $0.map(\.step) }
        #expect(!steps.contains(.check) && steps.contains(.boxes), "\(steps)")
    }

    @Test("A minority that complains of everybody throws nobody out")
    func liars() async throws {
        let sites = Self.names.enumerated().map { index, name in
            guard index < 3 else { return SecureSite(name) }
            return SecureSite(
                name,
                conduct: { request, task in
                    guard request.step == .check else { return .answer }
                    return .send([
                        SecureRefusalTests.message(task) { $0.complaints.clients = Self.names.filter { $0 != name } }
                    ])
                })
        }
        let outcome = try await SecureAggregationTests().run(Self.specification(), sites)
        #expect(outcome.summary.state == "finished", "\(outcome.summary.reason)")
        #expect(outcome.rounds.first?.admitted == Self.names)
        #expect(outcome.rounds.first?.refusals.isEmpty == true)
        #expect(
            outcome.weights == SecureAggregationTests.canonical(try SecureFixtures.weights(of: Self.names, cohort: 8)))
    }

    @Test("With too few left without it the attempt fails, and the bad client is named all the same")
    func tooFew() async throws {
        let names = SecureAggregationTests.names
        let sites = SecureAggregationTests.sites { request, task in
            switch request.step {
            case .roster:
                .send([
                    SecureRefusalTests.message(task) {
                        $0.boxes.boxes = names.dropFirst().map { SecureRefusalTests.box($0, 93) }
                    }
                ])
            case .check: .send([SecureRefusalTests.message(task) { $0.complaints = .init() }])
            default: .answer
            }
        }
        let outcome = try await SecureAggregationTests().run(
            SecureFixtures.specification(minimum: 4), sites, weights: false)
        #expect(outcome.summary.state == "failed")
        #expect(
            outcome.summary.reason.contains("3 clients have shares that can be opened, at least 4"),
            "\(outcome.summary.reason)")
        #expect(outcome.audit.contains("secure-shares"))
    }
}
