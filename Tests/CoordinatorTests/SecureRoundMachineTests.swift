import Federation
import Foundation
import Identity
import Jobs
import Privacy
import TestSupport
import Testing
import Wire
import X509

@testable import Coordinator

/// What the coordinator makes of a client's keys, without a network.
@Suite struct SecureRoundMachineTests {
    enum Fault: Sendable, CaseIterable {
        case expired, notYetValid, large, none
    }

    @Test("A certificate that the others could not check costs only its sender the round", arguments: Fault.allCases)
    func certificate(_ fault: Fault) throws {
        let names = SecureAggregationTests.names
        let authority = try CertificateAuthority(creating: "test")
        let folder = try TemporaryFolder()
        let specification = SecureFixtures.specification()
        let settings = try #require(try SecureAggregationSettings.reading(specification.secureAggregation))
        var machine = try SecureRoundMachine(
            CohortRecord(round: 0, attempt: 0, cohort: names, startedAt: 0, deadline: 100_000), of: "job",
            specification, settings, terms: RoundTerms(specification: Data(), weightsDigest: "w"))
        #expect(machine.offered() == [.startClock])
        var effects: [SecureRoundMachine.Effect] = []
        for name in names {
            let isOdd = name == names[0]
            let material = try IdentityMaterial.load(
                SecureDoor.files(
                    .client, name, authority, folder,
                    hosts: isOdd && fault == .large ? (0..<100).map { "host-\($0).example.org" } : []))
            let certificate = material.certificate
            #expect(
                machine.accepted(name) == [.send(.invitation(cohort: 4), client: name)])
            var client = try SecureClient(
                client: name, round: machine.exchange.round, identity: RosterIdentity(ParticipantSigner(material)))
            var now = Date()
            if isOdd, fault == .expired { now = certificate.notValidAfter.addingTimeInterval(1) }
            if isOdd, fault == .notYetValid { now = certificate.notValidBefore.addingTimeInterval(-1) }
            effects += machine.take(
                .keys(try client.advertise()), of: name, certificate: isOdd && fault == .none ? nil : certificate,
                at: now)
        }
        #expect(machine.exchange.phase == .sharing)
        #expect(machine.exchange.roster.map(\.client) == Array(names.dropFirst()))
        let reason = try #require(machine.left[names[0]])
        #expect(reason.contains(fault == .large ? "too large to be passed on" : "no certificate that is valid now"))
        #expect(
            effects.contains(
                .refuse([TaskRefusal(client: names[0], code: "secure-aggregation", reason: reason)])))
        for name in names.dropFirst() {
            let rosters = effects.compactMap { effect in
                if case .send(.roster(let roster), client: name) = effect { roster.map(\.keys.client) } else { nil }
            }
            #expect(rosters == [Array(names.dropFirst())])
        }
    }
}
