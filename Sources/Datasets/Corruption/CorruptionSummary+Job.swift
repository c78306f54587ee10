public import Jobs

extension CorruptionSummary {
    /// What a job's corruption leaves to the clients of its simulation, by the draws that training makes.
    ///
    /// Samples count as left when they have a modality of the job's `model.modalities`, or any where the job names none.
    ///
    /// - Parameter federation: the data set and the clients, made from the job's request.
    /// - Throws: `DatasetError` with code `invalidArgument` for what is wrong with the job's maps.
    public static func describe(
        _ job: JobSpecification, _ federation: SitePartition.Prepared
    ) throws(DatasetError) -> CorruptionSummary {
        let map = try CorruptionMap(job.corruption, seed: job.seed)
        let data = federation.train
        let names = data.modalities.map(\.name)
        var taken: [Int]?
        if let wanted = job.model["modalities"]?.listValue?.compactMap(\.stringValue) {
            taken = []
            for name in wanted {
                guard let position = names.firstIndex(of: name) else {
                    throw DatasetError(
                        .invalidArgument,
                        "model.modalities: the data set '\(data.name)' has no modality '\(name.prefix(64))', expected one "
                            + "of \(names.joined(separator: ", "))")
                }
                taken?.append(position)
            }
        }
        let sources = federation.partition.clients.enumerated().map { position, client in
            Source(
                name: client.id,
                index: map.number(
                    of: client.id, position: client.place ?? position,
                    firstIndex: federation.benchmark.firstCorruptionIndex),
                labels: client.rows.map { data.labels[$0] })
        }
        return try describe(
            sources, map.simulator.description, seed: map.simulator.seed, classes: data.classes.count,
            modalities: names, taken: taken)
    }
}
