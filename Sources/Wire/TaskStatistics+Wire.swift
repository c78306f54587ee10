public import Jobs
public import WireMessages

extension TaskStatistics {
    /// Reads a peer's statistics. Whether they are possible is for `validated(maximumExamples:)`; here only the form
    /// is checked: counts that fit, at most ``WireLimits/figures`` sums, a matrix of `classes` × `classes` cells.
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
        self.init(examples: examples, sums: message.sums, confusion: confusion)
    }

    /// The statistics as a message; for validated statistics, whose counts are not negative.
    public var message: Tributary_V1_Statistics {
        var message = Tributary_V1_Statistics()
        message.examples = UInt64(clamping: examples)
        message.sums = sums
        if let confusion, !confusion.isEmpty {
            message.classes = UInt32(clamping: confusion.count)
            message.confusion = confusion.flatMap { row in row.map { UInt64(clamping: $0) } }
        }
        return message
    }
}
