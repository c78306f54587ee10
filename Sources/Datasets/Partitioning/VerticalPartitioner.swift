/// `vertical`: clients that have only some of the modalities, over the rows of another scheme.
///
/// The M modalities are cut in order into subsets of `modalitiesPerClient`, the last of which may be smaller. Without
/// shared rows, client i of the other scheme has subset i modulo their number: a federation of sites with different
/// sensors. With shared rows every client becomes one party a subset, named `<client>-m<j>`, all parties of a client
/// holding the same rows: vertical federated learning (Q. Yang et al., "Federated machine learning: concept and
/// applications", ACM TIST 10(2), 2019). No draw beyond the other scheme's is involved.
public struct VerticalPartitioner: Partitioner {
    /// Who gets which rows.
    public var base: any Partitioner
    /// How many modalities a client has.
    public var modalitiesPerClient: Int
    /// Whether the parties of a client hold the same rows.
    public var sharesRows: Bool

    /// Makes the scheme.
    public init(base: any Partitioner, modalitiesPerClient: Int = 1, sharesRows: Bool = false) {
        self.base = base
        self.modalitiesPerClient = modalitiesPerClient
        self.sharesRows = sharesRows
    }

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        guard modalitiesPerClient >= 1, modalitiesPerClient <= input.modalities else {
            throw DatasetError(
                .invalidArgument,
                "modalitiesPerClient is \(modalitiesPerClient), expected 1...\(input.modalities), the number of "
                    + "modalities"
            )
        }
        let subsets = stride(from: 0, to: input.modalities, by: modalitiesPerClient).map {
            Set($0..<min($0 + modalitiesPerClient, input.modalities))
        }
        let plain = try base.partition(input)
        var clients: [Partition.Client] = []
        for (index, client) in plain.clients.enumerated() {
            let own = sharesRows ? Array(subsets.enumerated()) : [(offset: 0, element: subsets[index % subsets.count])]
            for (number, subset) in own {
                var traits = client.traits ?? ClientTraits()
                traits.modalities = subset
                let id = sharesRows ? "\(client.id)-m\(number)" : client.id
                clients.append(.init(id: id, rows: client.rows, traits: traits, place: client.place))
            }
        }
        return try Partition(
            clients: clients, heldOut: plain.heldOut, rowCount: plain.rowCount,
            sharesRows: plain.sharesRows || sharesRows)
    }
}
