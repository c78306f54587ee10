public import Randomness

/// How labels go wrong: P(observed = j | true = i), the matrix Q of FedAudio (Zhang et al., 2022, arXiv 2210.15707).
///
/// The error ratio is the sum of a row's off-diagonal, the sparsity the share of off-diagonal cells that are zero. Here
/// Z = round(K (K − 1) · sparsity) cells are zero, exactly, though at most K (K − 2), so that every class keeps a wrong
/// label to turn into: each row has ⌊Z / K⌋ of them, and rows drawn at random one more. Which cells of a row is drawn
/// without replacement. The others of a row share the error ratio evenly.
public struct LabelNoiseMatrix: Sendable, Hashable {
    /// The largest number of classes.
    public static let maximumClasses = 2048

    /// e, the sum of a row's off-diagonal.
    public let errorRatio: Double
    /// For each class, the classes that it can turn into, in order; none is empty.
    public let targets: [[Int]]

    /// Draws the zeros.
    ///
    /// - Parameters:
    ///   - classes: K, at least 2.
    ///   - errorRatio: e in 0...1.
    ///   - sparsity: in 0...1.
    /// - Throws: `DatasetError` for numbers out of range.
    public init(
        classes: Int,
        errorRatio: Double,
        sparsity: Double,
        _ stream: inout RandomStream
    ) throws(DatasetError) {
        guard (2...Self.maximumClasses).contains(classes) else {
            throw DatasetError(
                classes > 2 ? .tooLarge : .invalidArgument,
                "label errors: found \(classes) classes, expected 2 to \(Self.maximumClasses)")
        }
        guard (0...1).contains(errorRatio), (0...1).contains(sparsity) else {
            throw DatasetError(
                .invalidArgument,
                "label errors: found the ratio \(errorRatio) and the sparsity \(sparsity), expected numbers in 0...1")
        }
        self.errorRatio = errorRatio
        let wanted = Int((Double(classes * (classes - 1)) * sparsity).rounded())
        let zeros = min(wanted, classes * (classes - 2))
        let richer = Set(stream.sample(count: zeros % classes, from: classes))
        targets = (0..<classes).map { label in
            let own = zeros / classes + (richer.contains(label) ? 1 : 0)
            let others = (0..<classes).filter { $0 != label }
            return stream.sample(count: others.count - own, from: others).sorted()
        }
    }

    /// K.
    public var classes: Int { targets.count }

    /// The share of off-diagonal cells that are zero.
    public var sparsity: Double {
        1 - Double(targets.reduce(0) { $0 + $1.count }) / Double(classes * (classes - 1))
    }

    /// P(observed = `observed` | true = `label`).
    public func probability(of observed: Int, given label: Int) -> Double {
        if observed == label { return 1 - errorRatio }
        return targets[label].contains(observed) ? errorRatio / Double(targets[label].count) : 0
    }

    /// The observed label: `label` itself for `uniform` < 1 − e, else one of its targets by the rest of the interval.
    ///
    /// - Parameter uniform: a draw from [0, 1).
    public func observed(_ label: Int, uniform: Double) -> Int {
        guard uniform >= 1 - errorRatio else { return label }
        let own = targets[label]
        let position = Int((uniform - (1 - errorRatio)) / errorRatio * Double(own.count))
        return own[min(max(position, 0), own.count - 1)]
    }
}
