internal import Federation
internal import GRDB
internal import Jobs

/// One studied model with what the sites reported of it, as the store holds it.
struct StudiedEvaluation {
    let model: StudiedModel
    /// SHA-256 of the model.
    let digest: String
    /// Whether reports may still come.
    let isOpen: Bool
    /// Why there is no model.
    let failure: String?
    /// Who was asked.
    let evaluators: [String]
    /// Why some of these gave no report.
    let refusals: [String: String]
    let reports: [String: TaskStatistics]

    init(_ row: Row, job: String, in db: Database) throws {
        model = try StoredJSON.value(row["model"])
        digest = row["weights_digest"]
        isOpen = row["is_open"]
        failure = row["failure"]
        evaluators = try StoredJSON.value(row["evaluators"])
        let refused: [StoredRefusal] = try StoredJSON.value(row["refusals"])
        refusals = Dictionary(refused.map { ($0.client, $0.reason) }) { first, _ in first }
        var reports: [String: TaskStatistics] = [:]
        let rows = try db.rows(
            "SELECT client, statistics FROM reports WHERE job = ? AND round = ? AND attempt = ?",
            [job, row["round"] as Int, row["attempt"] as Int])
        for row in rows { reports[row["client"]] = try StoredJSON.value(row["statistics"]) }
        self.reports = reports
    }

    /// The finite metrics of a site's report; empty without one.
    func metrics(of site: String) -> [String: Double] {
        reports[site].map { Metrics.derive(from: $0).filter(\.value.isFinite) } ?? [:]
    }

    /// Why a site's place is empty; nil when it is not, or may still be filled.
    func reason(_ site: String) -> String? {
        if reports[site] != nil || failure != nil { return nil }
        if let reason = refusals[site] { return reason }
        guard evaluators.contains(site) else {
            return "not asked: it was not there, or had missed the deadline of an earlier model"
        }
        return isOpen ? "no report yet" : "no report before the job was over"
    }
}

extension Store {
    /// The studied models of a job as they stand, in the order of their numbers.
    static func studied(_ job: JobRecord, in db: Database) throws -> [StudiedEvaluation] {
        try db.rows("SELECT * FROM evaluations WHERE job = ? AND model IS NOT NULL ORDER BY round", [job.id])
            .map { try StudiedEvaluation($0, job: job.id, in: db) }
    }
}
