public import Jobs
public import Privacy

extension SecureRound {
    /// The numbers of a job's round, the same at the coordinator and at every client.
    ///
    /// - Parameters:
    ///   - cohort: how many clients the round has.
    ///   - clients: what the job says of its clients, for the fewest of which it wants a sum.
    ///   - terms: what else everybody was told.
    /// - Throws: `PrivacyError` `invalidParameter` when they do not make a round.
    public init(
        _ settings: SecureAggregationSettings, of task: TaskIdentity, cohort: Int, clients: JobSpecification.Clients,
        terms: RoundTerms
    ) throws(PrivacyError) {
        try self.init(
            context: "\(task.job) \(task.round) \(task.attempt)", cohort: cohort, degree: settings.degree,
            threshold: settings.threshold(of: cohort), minimum: settings.minimum(of: clients),
            terms: "\(cohort) \(terms.digest)")
    }
}
