/// How the updates of a round become one: transform, then rule. The strategy's server optimiser takes the result;
/// after it comes ``ema``. The noise of jobs with privacy is added where their sum is made, before any of this.
public struct AggregationPipeline: Sendable {
    /// The rule.
    public var rule: any UpdateRule
    /// Scale every update with a larger L2 norm down to this one; nil for none.
    public var clipNorm: Double?
    /// Leave out updates whose cosine with the sum of the others' directions is smaller; nil for none.
    public var minimumCosine: Double?
    /// Leave out updates that are more than so many times as far from the geometric median as the median update; nil for
    /// none.
    public var maximumDistance: Double?
    /// How much of the old weights stays: w ← ema · w + (1 − ema) · w⁺, with w⁺ what the server's optimiser gave.
    public var ema: Double

    /// A pipeline of these stages.
    public init(
        rule: any UpdateRule = WeightedMean(), clipNorm: Double? = nil, minimumCosine: Double? = nil,
        maximumDistance: Double? = nil, ema: Double = 0
    ) {
        self.rule = rule
        self.clipNorm = clipNorm
        self.minimumCosine = minimumCosine
        self.maximumDistance = maximumDistance
        self.ema = ema
    }

    /// What has to be known of the updates.
    var evidence: Evidence {
        let gates = minimumCosine != nil || maximumDistance != nil
        return max(rule.evidence, gates ? .products : clipNorm != nil ? .norms : .reports)
    }

    /// Transforms the updates and asks the rule.
    ///
    /// - Throws: ``AggregationError`` `tooFewUpdates`, and what the rule throws.
    func combine(_ evidence: UpdateEvidence) throws -> CombinedUpdates {
        var scales = [Double](repeating: 1, count: evidence.count)
        if let clipNorm {
            for update in 0..<evidence.count {
                let norm = evidence.norm(update)
                if norm > clipNorm { scales[update] = clipNorm / norm }
            }
        }
        let leftOut = UpdateGate(minimumCosine: minimumCosine, maximumDistance: maximumDistance)
            .leftOut(of: evidence.selecting(Array(0..<evidence.count), scales: scales))
        let names = Set(leftOut.map(\.clientID))
        let members = (0..<evidence.count).filter { !names.contains(evidence.clients[$0]) }
        guard members.count >= max(1, rule.minimumUpdates) else {
            throw AggregationError(
                .tooFewUpdates,
                "the rule \(rule.name) needs \(rule.minimumUpdates) updates, found \(members.count) of \(evidence.count)"
                    + (leftOut.first.map { "; left out: \($0.clientID), \($0.reason)" } ?? ""))
        }
        let decided = try rule.combination(of: evidence.selecting(members, scales: scales))
        return CombinedUpdates(decided, members: members, scales: scales, leftOut: leftOut)
    }
}

/// A rule's decision for all updates of a round.
struct CombinedUpdates: Sendable {
    /// The decision: weights for every update in its order, times its scale, and 0 for those left out; places in the order
    /// of all updates.
    let combination: Combination
    /// The updates that are combined.
    let members: [Int]
    /// What each update is multiplied by.
    let scales: [Double]
    /// The updates that are not combined.
    let leftOut: [AggregationReport.LeftOut]

    /// Turns a decision about the members into one about all updates.
    init(
        _ decided: Combination, members: [Int], scales: [Double], leftOut: [AggregationReport.LeftOut]
    ) {
        self.members = members
        self.scales = scales
        self.leftOut = leftOut
        switch decided {
        case .linear(let weights, let history):
            var all = [Double](repeating: 0, count: scales.count)
            for (member, weight) in zip(members, weights) { all[member] = weight * scales[member] }
            combination = .linear(all, history: history)
        case .nearestToMedian(let chosen, let kept):
            combination = .nearestToMedian(of: chosen.map { members[$0] }, kept: kept)
        case .middle, .signs: combination = decided
        }
    }

    /// The weight of every update in the result; for the rules that look at every coordinate by itself, an even share of
    /// those that it chose from.
    var weights: [Double] {
        func even(_ chosen: [Int]) -> [Double] {
            var all = [Double](repeating: 0, count: scales.count)
            for place in chosen { all[place] = 1 / Double(chosen.count) }
            return all
        }
        switch combination {
        case .linear(let weights, _): return weights
        case .nearestToMedian(let chosen, _): return even(chosen)
        case .middle, .signs: return even(members)
        }
    }
}
