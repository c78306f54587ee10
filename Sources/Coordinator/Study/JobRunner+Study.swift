internal import Aggregation
internal import Durability
internal import Federation
internal import Jobs
internal import Logging
internal import Wire

/// The models that are evaluated once the rounds are over.
extension JobRunner {
    /// Makes a model and tells the loop what came of it. The blob is held until its row is there.
    func make(_ order: ModelOrder) async throws {
        guard var fold = order.fold else {
            context.blobs.hold(order.weightsDigest)
            post(.modelMade(number: order.number, .made(digest: order.weightsDigest)))
            return
        }
        fold.charge = nil
        do {
            let packed = try await packOffsets(round: fold.round, attempt: fold.attempt)
            var folding = RoundFold(
                plan: plan, blobs: context.blobs, spool: context.spool, packed: packed, crash: context.crash,
                privacy: nil, unmasked: nil)
            if order.model.kind == .site { folding.strategy = plan.sum }
            let digest = try await folding.run(fold).digest
            post(.modelMade(number: order.number, .made(digest: digest)))
        } catch let error as DurabilityError where error.code == .crashed {
            throw error
        } catch let error as DurabilityError where error.code == .noSpace {
            post(.modelHeld(number: order.number, reason: "\(DiskGuard.reason): \(error.message)"))
        } catch is CancellationError {
            return
        } catch {
            post(.modelMade(number: order.number, .failed(reason: "\(error)")))
        }
    }

    func commit(_ record: StudyRecord) async throws {
        try await context.store.commitStudy(job: plan.job, record)
        if let failure = record.failure {
            context.logger.warning(
                "model not made",
                metadata: [
                    "job": "\(id)", "model": "\(record.model.kind.rawValue)",
                    "clients": "\(record.model.clients.joined(separator: ", "))", "reason": "\(failure)",
                ])
        } else {
            context.blobs.release(record.evaluation.weightsDigest)
        }
    }

    func logStudied(_ result: EvaluationResult) {
        context.logger.info(
            "model evaluated",
            metadata: [
                "job": "\(id)", "model": "\(result.round - plan.specification.rounds)",
                "clients": "\(result.reported.count)", "missing": "\(result.refusals.count)",
            ])
    }

    /// Why a client is not asked for its own model, as an event: software that does not know of cross-site evaluations has
    /// no rule by which its site could decline.
    func refusalToAsk(_ client: String, for task: RoundTask) -> RoundEvent? {
        guard task.kind == .train, task.round >= plan.specification.rounds,
            let hello = context.registry.hello(of: client), !hello.features.contains(ProtocolVersion.crossSite)
        else { return nil }
        return .taskRefused(
            task: task,
            refusal: TaskRefusal(
                client: client, code: "software",
                reason: "its software does not know cross-site evaluations, so the site could not decline"),
            isDeclined: true)
    }
}
