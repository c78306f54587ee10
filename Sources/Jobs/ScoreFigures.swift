internal import Foundation

/// The additive figures from which metrics of scores are derived, by their names in `TaskStatistics`.
///
/// | figure | where | meaning |
/// |---|---|---|
/// | `scores.K.positive`, `scores.K.negative` | `counts` | histograms of the score of class K over the examples of the class and over the others, from the lowest score to the highest |
/// | `calibration.examples`, `calibration.correct` | `counts` | examples, and right answers among them, by bin of confidence |
/// | `calibration.confidence.07` | `sums` | the sum of the confidences in bin 7 |
/// | `classes.true`, `classes.predicted`, `classes.both` | `counts` | by class: examples that have it, are given it, and both; where an example may have several |
/// | `top5` | `sums` | examples whose class is among the five highest scores |
///
/// Any bins give a valid area under the curve, as long as all sites use the same.
public enum ScoreFigures {
    /// The bins of confidence over 0...1, each open below and closed above.
    public static let calibrationBins = 15
    /// The most cells of all histograms of scores together, at one task.
    public static let maximumHistogramCells = 1 << 14

    static let calibrationExamples = "calibration.examples"
    static let calibrationCorrect = "calibration.correct"
    static let calibrationPrefix = "calibration."
    static let classesTrue = "classes.true"
    static let classesPredicted = "classes.predicted"
    static let classesBoth = "classes.both"
    static let histogramPrefix = "scores."
    static let positiveSuffix = ".positive"
    static let negativeSuffix = ".negative"

    /// The name of the sum of confidences in a bin.
    public static func confidence(bin: Int) -> String { String(format: "calibration.confidence.%02d", bin) }

    /// The names of a class's histograms.
    public static func histograms(ofClass index: Int) -> (positive: String, negative: String) {
        ("\(histogramPrefix)\(index)\(positiveSuffix)", "\(histogramPrefix)\(index)\(negativeSuffix)")
    }

    /// How many bins the histogram of each of `histograms` classes has: the largest power of two with which all fit in
    /// `maximumHistogramCells`; 0, no histogram, where that would be fewer than 16.
    public static func bins(histograms: Int) -> Int {
        guard histograms > 0 else { return 0 }
        let share = maximumHistogramCells / 2 / histograms
        return share < 16 ? 0 : 1 << (Int.bitWidth - 1 - share.leadingZeroBitCount)
    }

    /// The bin of a score x, the logarithm of the odds log(p / (1 − p)): even bins over x / (8 + |x|) in −1...1. So no
    /// score is cut off, and of probabilities near 0 and 1, where trained models put most, many are told apart: with 1024
    /// bins a bin is 1/64 wide at x = 0, 0.14 at 16 and 0.8 at 50.
    public static func bin(logOdds: Double, of bins: Int) -> Int {
        let place = logOdds.isInfinite ? (logOdds > 0 ? 1 : -1) : logOdds / (8 + abs(logOdds))
        return max(0, min(bins - 1, Int((place + 1) / 2 * Double(bins))))
    }

    /// The bin of a confidence in 0...1: bin b is (b/15, (b + 1)/15].
    public static func bin(confidence: Double) -> Int {
        max(0, min(calibrationBins - 1, Int((confidence * Double(calibrationBins)).rounded(.up)) - 1))
    }
}

extension TaskStatistics {
    /// Puts in what was counted by bin of confidence.
    public mutating func setCalibration(examples: [Int], correct: [Int], confidences: [Double]) {
        counts[ScoreFigures.calibrationExamples] = examples
        counts[ScoreFigures.calibrationCorrect] = correct
        for (bin, sum) in confidences.enumerated() { sums[ScoreFigures.confidence(bin: bin)] = sum }
    }

    /// Puts in what was counted by class where an example may have several.
    public mutating func setClasses(true truth: [Int], predicted: [Int], both: [Int]) {
        counts[ScoreFigures.classesTrue] = truth
        counts[ScoreFigures.classesPredicted] = predicted
        counts[ScoreFigures.classesBoth] = both
    }
}
