/// Ratios from additive statistics.
public enum Metrics {
    /// Every metric that the statistics give, by name.
    ///
    /// - `loss`, `top5` and every other sum except `correct` and those of ``ScoreFigures``: the sum divided by `examples`.
    /// - `accuracy`: the trace of the confusion matrix over its total; without a matrix `correct` over `examples`.
    /// - `macroF1`: the unweighted mean over classes that occur in truth or prediction of
    ///   `2 TP / (2 TP + FP + FN)`, as scikit-learn's `f1_score(average="macro")` takes it.
    /// - `UAR`: unweighted average recall, the mean of `TP / (TP + FN)` over classes that occur in truth, as
    ///   scikit-learn's `balanced_accuracy_score` takes it.
    /// - `weightedF1`: F1 weighted by the number of true examples.
    /// - `AUCFaithful`, of two classes that both occur in truth: the area under the curve of the answers in place of the
    ///   scores, as the FedMultimodal benchmark takes it; it equals `UAR`.
    /// - `AUC`, `AUCBound`, `ECE`, and `macroF1` where an example may have several labels: from the counts, see `scores`.
    ///
    /// Without examples there are no metrics. A derived metric wins over a sum of the same name.
    public static func derive(from statistics: TaskStatistics) -> [String: Double] {
        guard statistics.examples > 0 else { return [:] }
        let examples = Double(statistics.examples)
        var metrics: [String: Double] = [:]
        for (name, sum) in statistics.sums
        where name != "correct" && !name.hasPrefix(ScoreFigures.calibrationPrefix) { metrics[name] = sum / examples }
        if let correct = statistics.sums["correct"] { metrics["accuracy"] = correct / examples }
        if let confusion = statistics.confusion { metrics.merge(derive(from: confusion)) { $1 } }
        metrics.merge(scores(statistics)) { $1 }
        return metrics
    }

    /// The metrics of a square confusion matrix whose rows are true classes; empty when it counts nothing.
    public static func derive(from confusion: [[Int]]) -> [String: Double] {
        let classes = confusion.count
        var rows = [Double](repeating: 0, count: classes)
        var columns = [Double](repeating: 0, count: classes)
        var hits = [Double](repeating: 0, count: classes)
        for (row, counts) in confusion.enumerated() {
            for (column, count) in counts.prefix(classes).enumerated() {
                rows[row] += Double(count)
                columns[column] += Double(count)
                if row == column { hits[row] = Double(count) }
            }
        }
        let total = rows.reduce(0, +)
        guard total > 0 else { return [:] }

        var f1Sum = 0.0
        var f1Classes = 0.0
        var weightedF1 = 0.0
        var recallSum = 0.0
        var recallClasses = 0.0
        for index in 0..<classes {
            let sides = rows[index] + columns[index]
            if sides > 0 {
                let f1 = 2 * hits[index] / sides
                f1Sum += f1
                f1Classes += 1
                weightedF1 += f1 * rows[index]
            }
            if rows[index] > 0 {
                recallSum += hits[index] / rows[index]
                recallClasses += 1
            }
        }
        var metrics = [
            "accuracy": hits.reduce(0, +) / total,
            "macroF1": f1Sum / f1Classes,
            "UAR": recallSum / recallClasses,
            "weightedF1": weightedF1 / total,
        ]
        if classes == 2, recallClasses == 2 { metrics["AUCFaithful"] = metrics["UAR"] }
        return metrics
    }
}
