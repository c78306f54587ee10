internal import Foundation
internal import Jobs
internal import Operator
internal import WireMessages

extension LoadFederation {
    /// Runs a job to its end and says how long its rounds took.
    ///
    /// A round's time lies between the commits of two cohorts, so it holds everything that a round costs.
    ///
    /// - Parameter warmUp: rounds that are not counted.
    /// - Returns: seconds, in the order of the rounds.
    func roundTimes(_ job: JobSpecification, _ model: EchoModel, warmUp: Int) async throws -> [Double] {
        try await asOperator { connection in
            let submission = JobSubmission(
                specification: Array(try job.canonicalJSON()), weightsPath: model.weights.path,
                weightsDigest: model.weights.digest, weightsBytes: model.weights.bytes)
            let id = try await connection.submit(submission).job
            // Asked for now and then, so that whoever watches costs the rounds nothing.
            var view = try await connection.jobs().first { $0.job == id }
            while view?.hasEnded != true {
                try await Task.sleep(for: .milliseconds(50))
                view = try await connection.jobs().first { $0.job == id }
            }
            guard view?.state == "finished" else {
                throw LoadTestError("the job \(view?.state ?? "is gone"): \(view?.reason ?? "")")
            }
            let starts = Starts()
            try await connection.watch(job: id) { progress in
                for round in progress.rounds { starts.add(round.round, round.started) }
            }
            return Array(starts.intervals.dropFirst(warmUp))
        }
    }

    /// Submits a job and returns its identifier.
    func submit(_ job: JobSpecification, _ model: EchoModel) async throws -> String {
        try await asOperator { connection in
            try await connection.submit(
                JobSubmission(
                    specification: Array(try job.canonicalJSON()), weightsPath: model.weights.path,
                    weightsDigest: model.weights.digest, weightsBytes: model.weights.bytes)
            ).job
        }
    }

    /// When a round's cohort was committed.
    func start(of job: String, round: Int) async throws -> Date {
        try await asOperator { connection in
            let starts = Starts()
            do {
                try await connection.watch(job: job, fromRound: round) { progress in
                    for round in progress.rounds { starts.add(round.round, round.started) }
                    if starts.first != nil { throw Seen() }
                }
            } catch is Seen {}
            guard let first = starts.first else { throw LoadTestError("round \(round) of \(job) has not begun") }
            return first
        }
    }

    /// Stops a job.
    func stop(_ job: String) async throws {
        _ = try await asOperator { try await $0.control(job: job, action: .stop, reason: "measured") }
    }
}

private struct Seen: Error {}
