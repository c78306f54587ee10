import Foundation
import Privacy
import SwiftProtobuf
import Testing
import Wire
import WireMessages

@Suite struct SecureMessageTests {
    private static let task = TaskIdentity(job: "a", round: 1, attempt: 2, kind: .train)

    private static func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0) } }

    private static func keys(_ client: String) -> KeyAdvertisement {
        KeyAdvertisement(
            client: client, channelKey: bytes(32), maskKey: bytes(32).reversed(), commitment: bytes(32),
            signature: bytes(71))
    }

    @Test(arguments: [
        SecureRequest.invitation(cohort: 20),
        .roster([
            CertifiedKeys(keys: keys("b"), certificate: bytes(600)), CertifiedKeys(keys: keys("c"), certificate: [1]),
        ]),
        .check([SealedShare(sender: "b", recipient: "a", box: bytes(93))]),
        .boxes([SealedShare(sender: "b", recipient: "a", box: bytes(93))]),
        .survivors(["a", "b"]),
        .signatures([SurvivorSignature(client: "b", signature: bytes(70))]),
        .signatures([SurvivorSignature(client: "b", signature: bytes(70))], seed: bytes(32)),
        .end(reason: "it is over"),
    ])
    func requestsSurviveTheWire(request: SecureRequest) throws {
        let message = request.message(Self.task)
        #expect(try TaskIdentity(message.identity) == Self.task)
        #expect(try SecureRequest(message, to: "a") == request)
    }

    @Test(arguments: [
        SecureAnswer.keys(keys("a")),
        .boxes([SealedShare(sender: "a", recipient: "b", box: bytes(93))]),
        .complaints([]),
        .complaints(["b", "c"]),
        .signature(SurvivorSignature(client: "a", signature: bytes(70))),
        .shares(
            UnmaskingShares(
                client: "a", seeds: ["a": .init(point: 1, bytes: bytes(32)), "b": .init(point: 255, bytes: bytes(32))],
                keys: ["c": .init(point: 3, bytes: bytes(32))])),
        .shares(UnmaskingShares(client: "a", seeds: [:], keys: [:], projections: ["b": [0, 1, .max], "c": [7]])),
    ])
    func answersSurviveTheWire(answer: SecureAnswer) throws {
        #expect(try SecureAnswer(answer.message(Self.task), of: "a") == answer)
    }

    @Test func whatALaterVersionSaysIsNothing() throws {
        #expect(try SecureRequest(Tributary_V1_SecureRequest(), to: "a") == nil)
        #expect(try SecureAnswer(Tributary_V1_SecureAnswer(), of: "a") == nil)
    }

    @Test(arguments: [0, 1, 501, UInt32.max])
    func aCohortHasItsLimits(count: UInt32) {
        var message = Tributary_V1_SecureRequest()
        message.invitation.cohort = count
        #expect(throws: WireError.self) { try SecureRequest(message, to: "a") }
    }

    @Test func sizesAreChecked() {
        func refuses(_ change: (inout Tributary_V1_SecureAnswer) -> Void) {
            var message = SecureAnswer.keys(Self.keys("a")).message(Self.task)
            change(&message)
            #expect(throws: WireError.self) { try SecureAnswer(message, of: "a") }
        }
        refuses { $0.keys.channelKey = Data(Self.bytes(33)) }
        refuses { $0.keys.maskKey = Data() }
        refuses { $0.keys.commitment = Data(Self.bytes(31)) }
        refuses { $0.keys.signature = Data(Self.bytes(257)) }
        refuses { $0.keys.client = "b" }
        refuses { $0.keys.certificate = Data([1]) }
        refuses { $0.signature = Data() }
        refuses { $0.boxes.boxes = [.init()] }
        refuses { $0.shares.seeds = [.init()] }
        refuses { $0.complaints.clients = ["b", "b"] }
        refuses { $0.complaints.clients = (0..<501).map { "c\($0)" } }
        refuses { $0.complaints.clients = [""] }
    }

    @Test func randomSumsHaveTheirLimits() {
        func refuses(_ change: (inout Tributary_V1_SecureShares) -> Void) {
            var message = SecureAnswer.shares(UnmaskingShares(client: "a", seeds: [:], keys: [:])).message(Self.task)
            change(&message.shares)
            #expect(throws: WireError.self) { try SecureAnswer(message, of: "a") }
        }
        func sums(_ client: String, _ bytes: Int) -> Tributary_V1_SecureProjection {
            .with {
                $0.client = client
                $0.sums = Data(Self.bytes(bytes))
            }
        }
        refuses { $0.projections = [sums("b", 0)] }
        refuses { $0.projections = [sums("b", 130)] }
        refuses { $0.projections = [sums("b", SecureLimits.sumsBytes + 4)] }
        refuses { $0.projections = [sums("b", 128), sums("b", 128)] }
        refuses { $0.projections = (0...SecureLimits.cohort).map { sums("\($0)", 4) } }
        var request = SecureRequest.signatures([]).message(Self.task)
        request.signatures.projectionSeed = Data(Self.bytes(33))
        #expect(throws: WireError.self) { try SecureRequest(request, to: "a") }
    }

    @Test func theLargestMessagesFitTheWire() throws {
        let names = (0..<SecureLimits.cohort).map { "\($0)" + String(repeating: "x", count: 60) }
        let entries = names.map { name in
            var keys = Self.keys(name)
            keys.signature = Self.bytes(SecureLimits.signatureBytes)
            return CertifiedKeys(keys: keys, certificate: Self.bytes(SecureLimits.certificateBytes))
        }
        var message = Tributary_V1_CoordinatorMessage()
        message.secure = SecureRequest.roster(entries).message(Self.task)
        let size: Int = try message.serializedData().count
        #expect(size <= WireLimits.messageBytes)
        #expect(try SecureRequest(message.secure, to: "a") == .roster(entries))
        var answer = UnmaskingShares(client: "a", seeds: [:], keys: [:])
        for name in names {
            answer.seeds[name] = .init(point: 255, bytes: Self.bytes(32))
            answer.projections[name] = [UInt32](repeating: 1, count: SecureLimits.sumsBytes / 4)
        }
        var last = Tributary_V1_ClientMessage()
        last.secure = SecureAnswer.shares(answer).message(Self.task)
        let answerSize: Int = try last.serializedData().count
        #expect(answerSize <= WireLimits.messageBytes)
    }
}
