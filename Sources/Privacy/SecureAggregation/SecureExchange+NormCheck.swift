/// What a client needs to know to give the random sums of its masks.
public struct ProjectionRequest: Sendable, Hashable {
    /// ``RandomProjection/seedBytes`` bytes of the coordinator, made after the list of updates was closed.
    public var seed: [UInt8]
    /// How many sums.
    public var count: Int
    /// The elements of each tensor of an update.
    public var sizes: [Int]

    /// A request from its parts.
    public init(seed: [UInt8], count: Int, sizes: [Int]) {
        self.seed = seed
        self.count = count
        self.sizes = sizes
    }
}

/// The check of the norms of masked updates, in the spirit of A. Roy Chowdhury et al., "EIFFeL: ensuring integrity for federated
/// learning", CCS 2022, and Y. Zhu et al., "RiseFL: secure and verifiable data collaboration with low-cost zero-knowledge proofs",
/// VLDB 2024, and without their zero-knowledge proofs: the coordinator learns the random sums of every update.
extension SecureExchange {
    /// Whom the next attempt has to leave out, once ``closeUnmasking()`` has put the masks together; nobody when the sum may be used.
    ///
    /// - Parameters:
    ///   - request: what the clients were sent.
    ///   - read: gives the masked words of a client on the list, from the element `start` of a tensor.
    /// - Throws: what reading throws.
    public func findings(
        _ request: ProjectionRequest, bound: NormBound,
        read: (_ client: String, _ tensor: Int, _ start: Int, UnsafeMutableBufferPointer<UInt32>) throws -> Void
    ) throws -> [NormFinding] {
        try judgement(request, bound: bound, read: read).findings()
    }

    /// What the findings are made of.
    func judgement(
        _ request: ProjectionRequest, bound: NormBound,
        read: (_ client: String, _ tensor: Int, _ start: Int, UnsafeMutableBufferPointer<UInt32>) throws -> Void
    ) throws -> NormJudgement {
        let list = SecureDigest.survivors(
            survivors, roster: SecureDigest.roster(roster, round.binding), round.binding)
        let projection = SecureDigest.projection(
            request.seed, survivors: list, count: request.count, round.binding)
        let names = survivors
        let sums = try projection.sums(rows: names.count, sizes: request.sizes) { row, tensor, start, target in
            try read(names[row], tensor, start, target)
            for mask in removals[names[row]] ?? [] { mask.apply(tensor: tensor, start: start, to: target) }
        }
        let present = Set(names)
        return NormJudgement(
            bound: bound, measured: Dictionary(uniqueKeysWithValues: zip(names, sums)),
            answers: answers.mapValues(\.projections),
            neighbours: Dictionary(
                uniqueKeysWithValues: names.map { ($0, graph.neighbours(of: $0).filter(present.contains)) }))
    }
}
