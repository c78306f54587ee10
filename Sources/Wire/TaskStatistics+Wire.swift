public import Jobs
public import WireMessages

extension TaskStatistics {
    /// Reads a peer's statistics. Whether they are possible is for `validated(maximumExamples:)`; here only the form
    /// is checked: counts that fit, at most ``WireLimits/figures`` sums, a matrix of `classes` × `classes` cells, vectors of counts within their limits.
    ///
    /// - Throws: ``WireError`` naming the field.
    public init(_ message: Tributary_V1_Statistics) throws {
        try FieldCheck.entries(message.sums.count, "statistics.sums", atMost: WireLimits.figures)
        let classes = Int(message.classes)
        guard classes <= WireLimits.classes, message.confusion.count == classes * classes else {
            throw WireError(
                .invalidMessage,
                "statistics.confusion: found \(message.confusion.count) cells for \(message.classes) classes, "
                    + "expected a square of at most \(WireLimits.classes) classes")
        }
        let examples = try FieldCheck.count(message.examples, "statistics.examples")
        var confusion: [[Int]]?
        if classes > 0 {
            confusion = try (0..<classes).map { row in
                try message.confusion[row * classes..<(row + 1) * classes].map {
                    try FieldCheck.count($0, "statistics.confusion[\(row)]")
                }
            }
        }
        let runs = try message.counts.mapValues { vector in
            try vector.runs.map { value in
                guard value.magnitude <= WireLimits.count, let count = Int(exactly: value) else {
                    throw WireError(.invalidMessage, "statistics.counts: found \(value), expected at most 2^53")
                }
                return count
            }
        }
        guard let counts = TaskStatistics.counts(fromRuns: runs) else {
            throw WireError(
                .invalidMessage,
                "statistics.counts: expected at most \(TaskStatistics.maximumCountVectors) vectors and "
                    + "\(TaskStatistics.maximumCounts) counts")
        }
        self.init(examples: examples, sums: message.sums, confusion: confusion, counts: counts)
        isWithheld = message.withheld
    }

    /// The statistics as a message; for validated statistics, whose counts are not negative.
    public var message: Tributary_V1_Statistics {
        var message = Tributary_V1_Statistics()
        message.examples = UInt64(clamping: examples)
        message.sums = sums
        message.withheld = isWithheld
        message.counts = counts.mapValues { vector in
            var runs = Tributary_V1_Counts()
            runs.runs = CountRuns.encode(vector).map { Int64($0) }
            return runs
        }
        if let confusion, !confusion.isEmpty {
            message.classes = UInt32(clamping: confusion.count)
            message.confusion = confusion.flatMap { row in row.map { UInt64(clamping: $0) } }
        }
        return message
    }
}
