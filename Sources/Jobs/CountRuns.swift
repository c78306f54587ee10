/// Vectors of counts that are mostly zeros, in a short form: a value −n, n ≥ 2, stands for n zeros.
///
/// The form of JSON and of the wire. A plain list of counts is a short form too, so who does not know the rule may send
/// one.
public enum CountRuns {
    /// The short form of counts of at least 0.
    public static func encode(_ counts: [Int]) -> [Int] {
        var runs: [Int] = []
        var zeros = 0
        func flush() {
            if zeros > 0 { runs.append(zeros == 1 ? 0 : -zeros) }
            zeros = 0
        }
        for count in counts {
            if count == 0 {
                zeros += 1
            } else {
                flush()
                runs.append(count)
            }
        }
        flush()
        return runs
    }

    /// The counts of a short form; nil when they are more than `limit`, found before memory is taken.
    public static func decode(_ runs: [Int], limit: Int) -> [Int]? {
        var total: UInt = 0
        for value in runs {
            let (sum, overflow) = total.addingReportingOverflow(value < 0 ? value.magnitude : 1)
            guard !overflow, sum <= UInt(max(0, limit)) else { return nil }
            total = sum
        }
        var counts: [Int] = []
        counts.reserveCapacity(Int(total))
        for value in runs {
            if value < 0 {
                counts.append(contentsOf: repeatElement(0, count: Int(value.magnitude)))
            } else {
                counts.append(value)
            }
        }
        return counts
    }
}
