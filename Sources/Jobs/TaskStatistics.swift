/// What one task counted at one client: only additive figures, because averages of ratios are wrong.
///
/// The coordinator adds these over clients and derives every ratio from the totals (`Metrics`).
public struct TaskStatistics: Sendable, Hashable, Codable {
    /// How many examples the figures cover.
    public var examples: Int
    /// Named sums over the examples, for instance "loss" or "correct".
    public var sums: [String: Double]
    /// A square confusion matrix, rows are true classes; nil when the task is not classification.
    public var confusion: [[Int]]?
    /// Named vectors of counts over the examples: histograms of scores and the like, see ``ScoreFigures``.
    public var counts: [String: [Int]]
    /// Whether the client keeps its figures to itself. What is 0 or missing here is then not known, and not 0; of a total, whether that
    /// holds for any of its parts.
    public var isWithheld = false

    /// The sum `loss` over the examples; nil where there is none.
    public var meanLoss: Double? {
        examples > 0 ? sums["loss"].map { $0 / Double(examples) } : nil
    }

    /// Creates statistics.
    public init(
        examples: Int = 0, sums: [String: Double] = [:], confusion: [[Int]]? = nil, counts: [String: [Int]] = [:]
    ) {
        self.examples = examples
        self.sums = sums
        self.confusion = confusion
        self.counts = counts
    }

    private enum CodingKeys: String, CodingKey {
        case examples, sums, confusion, counts
        case isWithheld = "withheld"
    }

    /// Reads statistics; all but `examples` may be left out.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        examples = try container.decode(Int.self, forKey: .examples)
        sums = try container.decodeIfPresent([String: Double].self, forKey: .sums) ?? [:]
        confusion = try container.decodeIfPresent([[Int]].self, forKey: .confusion)
        let runs = try container.decodeIfPresent([String: [Int]].self, forKey: .counts) ?? [:]
        guard let counts = Self.counts(fromRuns: runs) else {
            throw DecodingError.dataCorruptedError(
                forKey: .counts, in: container,
                debugDescription: "more than \(Self.maximumCountVectors) vectors or \(Self.maximumCounts) counts")
        }
        self.counts = counts
        isWithheld = try container.decodeIfPresent(Bool.self, forKey: .isWithheld) ?? false
    }

    /// Writes statistics; `counts` in their short form (``CountRuns``), and only where there are any.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(examples, forKey: .examples)
        try container.encode(sums, forKey: .sums)
        try container.encodeIfPresent(confusion, forKey: .confusion)
        if !counts.isEmpty { try container.encode(counts.mapValues(CountRuns.encode), forKey: .counts) }
        if isWithheld { try container.encode(true, forKey: .isWithheld) }
    }

    /// Adds figure by figure; a missing figure counts as 0, and the smaller confusion matrix and shorter vectors of counts
    /// are padded with zeros.
    ///
    /// Validated inputs (`validated`) of fewer than 2^20 clients cannot overflow; whole numbers saturate beyond that.
    public static func + (left: TaskStatistics, right: TaskStatistics) -> TaskStatistics {
        var total = left
        total.examples = saturatingSum(left.examples, right.examples)
        total.sums.merge(right.sums) { $0 + $1 }
        total.counts = sum(left.counts, right.counts)
        total.isWithheld = left.isWithheld || right.isWithheld
        guard let added = right.confusion else { return total }
        guard var counts = left.confusion else {
            total.confusion = added
            return total
        }
        let classes = max(counts.count, added.count)
        for row in counts.indices {
            counts[row].append(contentsOf: repeatElement(0, count: max(0, classes - counts[row].count)))
        }
        while counts.count < classes { counts.append(Array(repeating: 0, count: classes)) }
        for (row, values) in added.enumerated() {
            for (column, value) in values.enumerated() where column < counts[row].count {
                counts[row][column] = saturatingSum(counts[row][column], value)
            }
        }
        total.confusion = counts
        return total
    }

    /// Adds in place, as `+` does.
    public static func += (left: inout TaskStatistics, right: TaskStatistics) {
        left = left + right
    }

    /// Adds statistics by client in ascending order of the client's name (UTF-8), so that the floating-point result
    /// does not depend on the order of arrival.
    ///
    /// The total keeps the limits of a single task: of more vectors of counts than that, those that most parts have.
    public static func total(_ parts: [String: TaskStatistics]) -> TaskStatistics {
        var total = parts.sorted { Participants.precedes($0.key, $1.key) }.reduce(TaskStatistics()) { $0 + $1.value }
        total.limitCounts(to: parts.values.map(\.counts))
        return total
    }

    static func saturatingSum(_ left: Int, _ right: Int) -> Int {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? (right > 0 ? Int.max : Int.min) : sum
    }
}

extension TaskStatistics {
    /// The most sums that one task may report.
    public static let maximumSums = 256
    /// The longest name of a sum, in UTF-8 bytes.
    public static let maximumNameLength = 128

    /// Returns the statistics when they are possible: examples in `0...maximumExamples`; at most 256 sums, all finite,
    /// named in 1...128 bytes; a square confusion matrix of at most `maximumClasses` classes without negative counts
    /// whose total is at most `examples`; counts as ``ScoreFigures`` describes them; `correct` and `top5` in
    /// `0...examples`.
    ///
    /// - Throws: `JobsError` with the code `invalidStatistics`, naming the figure, what was found and what is allowed.
    public func validated(maximumExamples: Int, maximumClasses: Int = 4096) throws -> TaskStatistics {
        guard examples >= 0, examples <= maximumExamples else {
            throw invalid("examples: found \(examples), expected 0 to \(maximumExamples)")
        }
        guard sums.count <= Self.maximumSums else {
            throw invalid("sums: found \(sums.count) entries, expected at most \(Self.maximumSums)")
        }
        for (name, value) in sums.sorted(by: { $0.key < $1.key }) {
            guard (1...Self.maximumNameLength).contains(name.utf8.count) else {
                throw invalid(
                    "sums: found a name of \(name.utf8.count) bytes, expected 1 to \(Self.maximumNameLength)")
            }
            guard value.isFinite else {
                throw invalid("sums.\(name): found \(value), expected a finite number")
            }
        }
        try checkCounts()
        guard let confusion else { return self }
        guard confusion.count <= maximumClasses else {
            throw invalid("confusion: found \(confusion.count) classes, expected at most \(maximumClasses)")
        }
        var total = 0
        for (index, row) in confusion.enumerated() {
            guard row.count == confusion.count else {
                throw invalid("confusion[\(index)]: found \(row.count) columns, expected \(confusion.count)")
            }
            for value in row {
                guard value >= 0, value <= examples else {
                    throw invalid("confusion[\(index)]: found the count \(value), expected 0 to \(examples)")
                }
                total += value
                guard total <= examples else {
                    throw invalid("confusion: the counts add up to more than the \(examples) examples")
                }
            }
        }
        return self
    }

    func invalid(_ message: String) -> JobsError {
        JobsError(code: .invalidStatistics, message: "statistics, \(message)")
    }
}
