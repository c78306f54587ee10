/// A way of dealing the rows of a training split to simulated clients.
///
/// A partitioner is a value that holds its parameters and seed. The same input gives the same partition, on one
/// platform bit for bit; draws come from ``RandomStream`` with a purpose of the scheme's own, so that two schemes of
/// one seed are independent.
public protocol Partitioner: Sendable {
    /// The clients and their rows.
    ///
    /// - Throws: `DatasetError` with code `invalidArgument` when the parameters are out of range or do not fit the
    ///   input.
    func partition(_ input: PartitionInput) throws(DatasetError) -> Partition
}
