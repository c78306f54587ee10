import Randomness

/// `grouped`: several subjects a client, drawn at random; a subject's rows stay together.
///
/// The subjects are shuffled and cut into groups of `groupSize`; the last group may be smaller. As Flower Datasets'
/// `GroupedNaturalIdPartitioner` in its mode "allow-smaller", with a shuffle before.
public struct GroupedPartitioner: Partitioner {
    /// How many subjects a client has.
    public var groupSize: Int
    /// Decides the grouping.
    public var seed: UInt64

    /// Makes the scheme.
    public init(groupSize: Int, seed: UInt64) {
        self.groupSize = groupSize
        self.seed = seed
    }

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        var subjects = try input.rowsBySubject(for: "grouped")
        guard groupSize >= 1, groupSize <= subjects.count else {
            throw DatasetError(
                .invalidArgument, "groupSize is \(groupSize), expected 1...\(subjects.count), the number of subjects")
        }
        var stream = RandomStream(seed: seed, purpose: "partition-grouped")
        stream.shuffle(&subjects)
        let rows = stride(from: 0, to: subjects.count, by: groupSize).map { start in
            subjects[start..<min(start + groupSize, subjects.count)].flatMap(\.rows)
        }
        return try .ofNumbered(rows, rowCount: input.count)
    }
}
