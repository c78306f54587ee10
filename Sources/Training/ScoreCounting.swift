internal import Foundation
internal import Jobs

/// Counts what scores say about examples, batch by batch, into additive figures: see `ScoreFigures`.
///
/// Pure arithmetic in double precision, in the order of the examples. The cost is a few operations a score.
struct ScoreCounting {
    private let classes: Int
    private let isMultilabel: Bool
    /// The classes with a histogram, and its bins. Of two classes the second says all.
    private let charted: Range<Int>
    private let bins: Int

    private var examples = 0
    private var correct = 0
    private var top5 = 0
    private var confusion: [[Int]]
    private var positive: [Int]
    private var negative: [Int]
    private var binExamples = [Int](repeating: 0, count: ScoreFigures.calibrationBins)
    private var binCorrect = [Int](repeating: 0, count: ScoreFigures.calibrationBins)
    private var binConfidences = [Double](repeating: 0, count: ScoreFigures.calibrationBins)
    private var classesTrue: [Int]
    private var classesPredicted: [Int]
    private var classesBoth: [Int]

    init(classes: Int, isMultilabel: Bool) {
        self.classes = classes
        self.isMultilabel = isMultilabel
        switch (isMultilabel, classes) {
        case (false, ...1): charted = 0..<0
        case (false, 2): charted = 1..<2
        default: charted = 0..<classes
        }
        bins = ScoreFigures.bins(histograms: charted.count)
        positive = Array(repeating: 0, count: charted.count * bins)
        negative = positive
        confusion =
            isMultilabel ? [] : Array(repeating: Array(repeating: 0, count: classes), count: classes)
        let zeros = Array(repeating: 0, count: isMultilabel ? classes : 0)
        (classesTrue, classesPredicted, classesBoth) = (zeros, zeros, zeros)
    }

    /// Counts examples of one class each.
    ///
    /// - Parameters:
    ///   - scores: `[labels.count, classes]`, row-major: logits.
    ///   - labels: the classes.
    mutating func add(_ scores: [Float], labels: [Int]) {
        for (row, label) in labels.enumerated() { add(scores[row * classes..<(row + 1) * classes], label: label) }
        examples += labels.count
    }

    private mutating func add(_ scores: ArraySlice<Float>, label: Int) {
        let first = scores.startIndex
        var answer = 0
        for index in 1..<max(1, classes) where scores[first + index] > scores[first + answer] { answer = index }
        let isRight = answer == label
        confusion[label][answer] += 1
        if isRight { correct += 1 }
        if classes > 5 {
            // Of equal scores the first classes come first, as for the answer itself.
            let own = scores[first + label]
            let better = (0..<classes).count {
                scores[first + $0] > own || (scores[first + $0] == own && $0 < label)
            }
            if better < 5 { top5 += 1 }
        }
        let top = Double(scores[first + answer])
        let odds = scores.map { exp(Double($0) - top) }
        // The answer's own summand is 1: the others are added apart, where nothing cancels.
        let others = odds.indices.reduce(0.0) { $1 == answer ? $0 : $0 + odds[$1] }
        let confidence = 1 / (1 + others)
        let bin = ScoreFigures.bin(confidence: confidence)
        binExamples[bin] += 1
        if isRight { binCorrect[bin] += 1 }
        binConfidences[bin] += confidence
        guard bins > 0 else { return }
        for index in charted {
            let rest = index == answer ? others : 1 + others - odds[index]
            chart(index, logOdds: Double(scores[first + index]) - top - log(rest), isOwn: index == label)
        }
    }

    /// Counts examples that may have several classes.
    ///
    /// - Parameters:
    ///   - scores: `[count, classes]`, row-major: logits.
    ///   - targets: likewise, 0 and 1.
    mutating func add(_ scores: [Float], targets: [Float]) {
        for row in 0..<(classes > 0 ? scores.count / classes : 0) {
            var isRight = true
            for index in 0..<classes {
                let score = scores[row * classes + index]
                let (isOwn, isGiven) = (targets[row * classes + index] == 1, score > 0)
                if isOwn { classesTrue[index] += 1 }
                if isGiven { classesPredicted[index] += 1 }
                if isOwn && isGiven { classesBoth[index] += 1 }
                if isOwn != isGiven { isRight = false }
                if bins > 0 { chart(index, logOdds: Double(score), isOwn: isOwn) }
            }
            if isRight { correct += 1 }
            examples += 1
        }
    }

    private mutating func chart(_ index: Int, logOdds: Double, isOwn: Bool) {
        let cell = (index - charted.lowerBound) * bins + ScoreFigures.bin(logOdds: logOdds, of: bins)
        if isOwn { positive[cell] += 1 } else { negative[cell] += 1 }
    }

    /// Everything that was counted, with the summed loss.
    func statistics(loss: Double) -> TaskStatistics {
        var statistics = TaskStatistics(
            examples: examples, sums: ["loss": loss, "correct": Double(correct)],
            confusion: isMultilabel ? nil : confusion)
        if bins > 0 {
            for (place, index) in charted.enumerated() {
                let names = ScoreFigures.histograms(ofClass: index)
                statistics.counts[names.positive] = Array(positive[place * bins..<(place + 1) * bins])
                statistics.counts[names.negative] = Array(negative[place * bins..<(place + 1) * bins])
            }
        }
        if isMultilabel {
            statistics.setClasses(true: classesTrue, predicted: classesPredicted, both: classesBoth)
        } else {
            if classes > 5 { statistics.sums["top5"] = Double(top5) }
            statistics.setCalibration(examples: binExamples, correct: binCorrect, confidences: binConfidences)
        }
        return statistics
    }
}
