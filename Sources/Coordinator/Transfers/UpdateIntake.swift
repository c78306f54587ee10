internal import Aggregation
internal import Federation
internal import Foundation
internal import Jobs
internal import Wire

/// The checks that an update's bytes pass while they come in, and at their end.
struct UpdateIntake {
    private var inspector: UpdateInspector
    private var digest = Digest()
    private let rules: AdmissionRules
    var isPastHalf = false

    /// Nothing is here yet.
    init(_ plan: JobPlan) {
        inspector = UpdateInspector(plan.encoded)
        rules = AdmissionRules(plan.specification)
    }

    /// Starts with what a part holds.
    init(_ part: SpoolPart, plan: JobPlan) throws {
        self.init(plan)
        var (inspector, digest) = (self.inspector, self.digest)
        try part.forEachBlock { block in
            try inspector.consume(block)
            digest.update(block)
        }
        (self.inspector, self.digest) = (inspector, digest)
        isPastHalf = part.bytes * 2 >= plan.updateBytes && part.bytes > 0
    }

    /// Checks the next bytes.
    ///
    /// - Parameter take: gets them in blocks, each when it was found good.
    mutating func check(_ bytes: Data, take: (UnsafeRawBufferPointer) throws -> Void = { _ in }) throws {
        for region in bytes.regions {
            try region.withUnsafeBytes { block in
                try inspector.consume(block)
                digest.update(block)
                try take(block)
            }
        }
    }

    /// Judges the complete update.
    ///
    /// - Parameters:
    ///   - isWhole: whether all of it came just now: bytes that were here before may be damaged.
    ///   - read: fills a buffer from an offset of the update.
    mutating func finish(_ update: UpdateDescription, isWhole: Bool, read: ClaimedSteps.Read) throws {
        guard digest.hexadecimal == update.digest else {
            guard isWhole else {
                throw CoordinatorError(.corrupt, "the resumed update is damaged: send it again from its start")
            }
            throw AdmissionRefusal(
                code: "digest",
                reason: "the bytes have the digest \(digest.hexadecimal.prefix(12)), "
                    + "the header says \(update.digest.prefix(12))")
        }
        try rules.check(norm: inspector.finish().norm)
        if rules.claimsSteps, let steps = try ClaimedSteps.read(read) {
            try rules.check(steps: steps, examples: update.statistics.examples)
        }
    }
}
