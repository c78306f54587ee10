import Foundation
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import Wire
import WireMessages

@testable import Client

/// Small weights and updates in session messages, as a daemon takes and sends them.
@Suite(.enabled(if: ScriptedTrainer.isAvailable, "python3 is not installed"), .timeLimit(.minutes(2)))
struct InlineTransferTests {
    /// A site whose coordinator takes small updates and sends small weights.
    private func site(weights: Data? = nil, values: Int = 6) throws -> TestSite {
        let site = try TestSite(values: values)
        var task = try site.task(0)
        task.weights = weights ?? site.blob
        site.coordinator.state.withLock { state in
            state.features = [InlineTransfer.feature]
            state.tasks = [task]
        }
        return site
    }

    private func cleared(_ site: TestSite) async throws {
        try await eventually("nothing was sent") { !site.coordinator.state.withLock { $0.inlineUpdates.isEmpty } }
        try await eventually("the outbox stays full") { site.outboxFiles == 0 }
    }

    @Test func theWholeTaskNeedsNoCall() async throws {
        let site = try site()
        try await site.running(try site.daemon()) { try await cleared(site) }
        let state = site.coordinator.state.withLock { $0 }
        #expect(state.fetchOffsets.isEmpty)
        #expect(state.uploads.isEmpty)
        #expect(state.resumeQuestions == 0)
        let update = try #require(state.inlineUpdates.first)
        #expect(state.inlineUpdates.count == 1)
        #expect(update.data == site.blob)
        #expect(update.header.digest == site.digest)
        #expect(update.header.totalBytes == UInt64(site.blob.count))
        #expect(site.coordinator.received { if case .transferRequest = $0 { true } else { nil } }.isEmpty)
        #expect(state.hellos.first?.features.contains(InlineTransfer.feature) == true)
    }

    @Test func weightsWithAnotherDigestAreFetched() async throws {
        let site = try TestSite()
        var wrong = site.blob
        wrong[wrong.count - 1] ^= 1
        let other = try self.site(weights: wrong)
        try await other.running(try other.daemon()) { try await cleared(other) }
        #expect(other.coordinator.state.withLock { $0.fetchOffsets } == [0])
        #expect(other.trainings == ["0"])
    }

    @Test func weightsOfAnotherSizeAreDeclined() async throws {
        let site = try site(weights: Data([1, 2, 3]))
        try await site.running(try site.daemon()) {
            try await eventually("not declined") {
                !site.coordinator.received { if case .declined = $0 { true } else { nil } }.isEmpty
            }
        }
        #expect(site.trainings.isEmpty)
    }

    /// No answer before the session ends: on the next one the coordinator is asked, and gets the update by a call.
    @Test func anUpdateWithoutAnAnswerIsSentByACall() async throws {
        let site = try site()
        site.coordinator.state.withLock { $0.inlineReceipt = nil }
        try await site.running(try site.daemon()) { try await site.uploaded() }
        let state = site.coordinator.state.withLock { $0 }
        #expect(state.inlineUpdates.count == 1)
        #expect(state.resumeQuestions == 1)
        #expect(state.uploads.values.map { $0 } == [site.blob])
        #expect(site.trainings == ["0"])
    }

    @Test func anAnswerWithoutAnOutcomeIsFollowedByACall() async throws {
        let site = try site()
        site.coordinator.state.withLock { $0.inlineReceipt = .unspecified }
        try await site.running(try site.daemon()) { try await site.uploaded() }
        #expect(site.coordinator.state.withLock { $0.inlineUpdates.count } == 1)
        #expect(site.coordinator.state.withLock { $0.resumeQuestions } == 1)
    }

    @Test func anUpdateThatIsTooLargeNeedsACall() async throws {
        let site = try site(weights: Data(), values: WireLimits.inlineBytes / 4)
        try await site.running(try site.daemon()) { try await site.uploaded() }
        #expect(site.coordinator.state.withLock { $0.inlineUpdates.isEmpty })
    }

    @Test func aCoordinatorThatDoesNotKnowItGetsCalls() async throws {
        let site = try site(weights: Data())
        site.coordinator.state.withLock { $0.features = [] }
        try await site.running(try site.daemon()) { try await site.uploaded() }
        #expect(site.coordinator.state.withLock { $0.inlineUpdates.isEmpty })
        #expect(site.coordinator.state.withLock { $0.fetchOffsets } == [0])
    }
}
