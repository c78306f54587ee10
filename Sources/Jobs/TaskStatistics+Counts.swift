extension TaskStatistics {
    /// The most vectors of counts that one task may report.
    public static let maximumCountVectors = 2048
    /// The most counts in all vectors together.
    public static let maximumCounts = 1 << 16

    /// Adds vectors of the same name count by count; the shorter one is padded with zeros.
    static func sum(_ left: [String: [Int]], _ right: [String: [Int]]) -> [String: [Int]] {
        left.merging(right) { one, other in
            var (long, short) = one.count >= other.count ? (one, other) : (other, one)
            for index in short.indices { long[index] = saturatingSum(long[index], short[index]) }
            return long
        }
    }

    /// Leaves out vectors until the rest is what one task may report: a part with names of its own must not make a total
    /// that cannot be read again. Names that more parts have come first, then the order of names.
    mutating func limitCounts(to parts: [[String: [Int]]]) {
        guard
            counts.count > Self.maximumCountVectors
                || counts.values.reduce(0, { $0 + $1.count }) > Self.maximumCounts
        else { return }
        var votes: [String: Int] = [:]
        for part in parts { for name in part.keys { votes[name, default: 0] += 1 } }
        var (vectors, left) = (Self.maximumCountVectors, Self.maximumCounts)
        let order = counts.keys.sorted { first, second in
            let (one, other) = (votes[first] ?? 0, votes[second] ?? 0)
            return one == other ? first < second : one > other
        }
        for name in order {
            let size = counts[name]?.count ?? 0
            if vectors > 0, size <= left {
                vectors -= 1
                left -= size
            } else {
                counts[name] = nil
            }
        }
    }

    /// Reads vectors of counts from their short form (`CountRuns`).
    ///
    /// - Returns: nil when there are more vectors or counts than a task may report.
    public static func counts(fromRuns runs: [String: [Int]]) -> [String: [Int]]? {
        guard runs.count <= maximumCountVectors else { return nil }
        var left = maximumCounts
        var counts: [String: [Int]] = [:]
        for (name, values) in runs {
            guard let decoded = CountRuns.decode(values, limit: left) else { return nil }
            left -= decoded.count
            counts[name] = decoded
        }
        return counts
    }

    /// Checks the counts, and what depends on them: every count in 0...examples; the figures of ``ScoreFigures`` add up
    /// to no more than there are examples.
    func checkCounts() throws(JobsError) {
        guard counts.count <= Self.maximumCountVectors else {
            throw invalid("counts: found \(counts.count) vectors, expected at most \(Self.maximumCountVectors)")
        }
        guard counts.values.reduce(0, { $0 + $1.count }) <= Self.maximumCounts else {
            throw invalid("counts: expected at most \(Self.maximumCounts) in all vectors")
        }
        var totals: [String: Int] = [:]
        for (name, values) in counts.sorted(by: { $0.key < $1.key }) {
            guard (1...Self.maximumNameLength).contains(name.utf8.count) else {
                throw invalid(
                    "counts: found a name of \(name.utf8.count) bytes, expected 1 to \(Self.maximumNameLength)")
            }
            if let wrong = values.first(where: { !(0...examples).contains($0) }) {
                throw invalid("counts.\(name): found the count \(wrong), expected 0 to \(examples)")
            }
            // At most 2^16 counts of at most 2^40 examples.
            totals[name] = values.reduce(0) { Self.saturatingSum($0, $1) }
        }
        for (name, total) in totals.sorted(by: { $0.key < $1.key }) where name.hasPrefix(ScoreFigures.histogramPrefix) {
            let other =
                name.hasSuffix(ScoreFigures.positiveSuffix)
                ? name.dropLast(ScoreFigures.positiveSuffix.count) + ScoreFigures.negativeSuffix : ""
            guard Self.saturatingSum(total, totals[String(other)] ?? 0) <= examples else {
                throw invalid("counts.\(name): adds up to more than the \(examples) examples")
            }
        }
        try checkPairs(ScoreFigures.calibrationCorrect, within: ScoreFigures.calibrationExamples)
        try checkPairs(ScoreFigures.classesBoth, within: ScoreFigures.classesTrue)
        try checkPairs(ScoreFigures.classesBoth, within: ScoreFigures.classesPredicted)
        guard (totals[ScoreFigures.calibrationExamples] ?? 0) <= examples else {
            throw invalid("counts.\(ScoreFigures.calibrationExamples): adds up to more than the \(examples) examples")
        }
        try checkSums()
    }

    /// A part is never more than the whole.
    private func checkPairs(_ part: String, within whole: String) throws(JobsError) {
        guard let some = counts[part] else { return }
        let all = counts[whole] ?? []
        guard some.count == all.count, zip(some, all).allSatisfy({ $0 <= $1 }) else {
            throw invalid("counts.\(part): expected as many counts as \(whole) has, none of them larger")
        }
    }

    private func checkSums() throws(JobsError) {
        for name in ["correct", "top5"] {
            if let value = sums[name], !(0...Double(examples)).contains(value) {
                throw invalid("sums.\(name): found \(value), expected 0 to \(examples)")
            }
        }
        let bins = counts[ScoreFigures.calibrationExamples] ?? []
        for (bin, examples) in bins.enumerated() {
            let name = ScoreFigures.confidence(bin: bin)
            // Sums of many confidences are rounded.
            guard let value = sums[name], !(0...Double(examples) * (1 + 1e-9)).contains(value) else { continue }
            throw invalid("sums.\(name): found \(value), expected 0 to \(examples), the examples in the bin")
        }
    }
}
