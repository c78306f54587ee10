extension Metrics {
    /// Metrics of which a lower value is better.
    public static let lowerIsBetter: Set<String> = ["loss", "ECE", "AUCBound"]

    /// The metrics of the figures that ``ScoreFigures`` names; those that are not there give none.
    ///
    /// - `AUC`: the area under the receiver operating characteristic, P(s⁺ > s⁻) + ½ P(s⁺ = s⁻) over pairs of an example
    ///   of a class and one of another, where scores in one bin count as equal. Of two classes it is that of the second;
    ///   of more, and of several labels an example, the unweighted mean over the classes that some examples have and
    ///   some have not.
    /// - `AUCBound`: half the share of pairs in one bin, averaged likewise. The area of the scores themselves differs
    ///   from `AUC` by at most this.
    /// - `ECE`: expected calibration error, Σ_b |right answers − confidences| / n over 15 even bins of the confidence in
    ///   the answer (Guo et al., "On calibration of modern neural networks", ICML 2017).
    /// - `macroF1` of several labels an example: the mean of 2 TP / (2 TP + FP + FN) over the classes that occur in truth
    ///   or answers, as the FedMultimodal benchmark takes it.
    static func scores(_ statistics: TaskStatistics) -> [String: Double] {
        var metrics: [String: Double] = [:]
        let areas = areas(statistics.counts)
        if !areas.isEmpty {
            metrics["AUC"] = areas.reduce(0) { $0 + $1.area } / Double(areas.count)
            metrics["AUCBound"] = areas.reduce(0) { $0 + $1.bound } / Double(areas.count)
        }
        metrics["ECE"] = calibrationError(statistics)
        if let truth = statistics.counts[ScoreFigures.classesTrue],
            let predicted = statistics.counts[ScoreFigures.classesPredicted],
            let both = statistics.counts[ScoreFigures.classesBoth]
        {
            var values: [Double] = []
            for (index, hits) in both.enumerated() where index < truth.count && index < predicted.count {
                let sides = Double(truth[index]) + Double(predicted[index])
                if sides > 0 { values.append(2 * Double(hits) / sides) }
            }
            if !values.isEmpty { metrics["macroF1"] = values.reduce(0, +) / Double(values.count) }
        }
        return metrics
    }

    /// The area of one class and half its share of ties, from histograms in ascending order of the score; nil when one of
    /// them is empty.
    public static func area(positive: [Int], negative: [Int]) -> (area: Double, bound: Double)? {
        var below = 0.0
        var wins = 0.0
        var ties = 0.0
        var total = 0.0
        for bin in 0..<max(positive.count, negative.count) {
            let hits = bin < positive.count ? Double(positive[bin]) : 0
            let others = bin < negative.count ? Double(negative[bin]) : 0
            wins += hits * below
            ties += hits * others
            below += others
            total += hits
        }
        let pairs = total * below
        guard pairs > 0 else { return nil }
        return ((wins + ties / 2) / pairs, ties / 2 / pairs)
    }

    /// The classes' areas in ascending order of their numbers.
    private static func areas(_ counts: [String: [Int]]) -> [(area: Double, bound: Double)] {
        var classes: [Int] = []
        for name in counts.keys
        where name.hasPrefix(ScoreFigures.histogramPrefix) && name.hasSuffix(ScoreFigures.positiveSuffix) {
            let middle = name.dropFirst(ScoreFigures.histogramPrefix.count)
                .dropLast(ScoreFigures.positiveSuffix.count)
            // One spelling a class: "01" would count it twice.
            if let index = Int(middle), index >= 0, String(index) == middle { classes.append(index) }
        }
        return classes.sorted().compactMap { index in
            let names = ScoreFigures.histograms(ofClass: index)
            guard let positive = counts[names.positive], let negative = counts[names.negative] else { return nil }
            return area(positive: positive, negative: negative)
        }
    }

    private static func calibrationError(_ statistics: TaskStatistics) -> Double? {
        guard let examples = statistics.counts[ScoreFigures.calibrationExamples],
            let correct = statistics.counts[ScoreFigures.calibrationCorrect], examples.count == correct.count
        else { return nil }
        let total = examples.reduce(0.0) { $0 + Double($1) }
        guard total > 0 else { return nil }
        let gaps = correct.indices.reduce(0.0) { sum, bin in
            sum + abs(Double(correct[bin]) - (statistics.sums[ScoreFigures.confidence(bin: bin)] ?? 0))
        }
        return gaps / total
    }
}
