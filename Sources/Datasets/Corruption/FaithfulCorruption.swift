internal import Randomness

/// Corruption exactly as the FedMultimodal benchmark draws it (Feng et al., KDD 2023, and its published code), with the
/// peculiarities that its numbers depend on. Checked against values made with NumPy.
///
/// Every draw of a client starts from a generator seeded with the client's position i in the benchmark's partition; for
/// UCI-HAR the two held-out splits take 0 and 1, so clients start at 2. u(s) is the first number after seeding with s.
/// - Modality m (from 0) is missing when u((m + 1) i) > 1 − q: all samples, or none. The seeds are reused, so the sets
///   are correlated over clients.
/// - The label of sample j is missing when the j-th number after seeding with i is above 1 − l.
/// - Wrong labels come from a K × K matrix (``noiseMatrix(client:classes:rate:sparsity:)``) by inverting the
///   distribution of row y at u(i). The generator is seeded anew for every sample, so all samples of one class get the
///   same label. With two classes a client flips all labels when u(i) > 1 − e.
enum FaithfulCorruption {
    static func isMissing(modality: Int, client: UInt32, rate: Double) -> Bool {
        var generator = LegacyRandomState(seed: client &* UInt32(truncatingIfNeeded: modality + 1))
        return generator.random() > 1 - rate
    }

    static func unlabelled(client: UInt32, count: Int, rate: Double) -> [Bool] {
        var generator = LegacyRandomState(seed: client)
        return (0..<count).map { _ in generator.random() > 1 - rate }
    }

    /// What each class's label becomes.
    static func classMap(client: UInt32, classes: Int, rate: Double, sparsity: Double) -> [Int] {
        guard rate > 0, classes > 1 else { return Array(0..<classes) }
        var generator = LegacyRandomState(seed: client)
        let draw = generator.random()
        if classes == 2 { return draw > 1 - rate ? [1, 0] : [0, 1] }
        let matrix = noiseMatrix(client: client, classes: classes, rate: rate, sparsity: sparsity)
        return (0..<classes).map { label in
            var sums: [Double] = []
            var total = 0.0
            for column in 0..<classes {
                total += matrix[label * classes + column]
                sums.append(total)
            }
            return sums.firstIndex { $0 / total > draw } ?? label
        }
    }

    /// The matrix of label errors, row by row: P(new label = column | label = row).
    ///
    /// Round(K (K − 1) · sparsity) cells are drawn with replacement, a cell of the diagonal being drawn again, and
    /// zeroed, so fewer than that end as zero. Then come repairs meant for K = 4: row r is taken for the four cells from
    /// 4 r on. Where just one of them is not zero, its first zero is exchanged with the first cell of a list of free
    /// ones, at first all that are neither zero nor on the diagonal; where two are not zero, a cell is struck off that
    /// list whose number is a position inside the row, which only for r = 0 is the cell that it should be. Last, what is
    /// not zero in a row off the diagonal shares e evenly and the diagonal is 1 − e.
    static func noiseMatrix(client: UInt32, classes: Int, rate: Double, sparsity: Double) -> [Double] {
        let cells = classes * classes
        var isOpen = Array(repeating: true, count: cells)
        func isDiagonal(_ cell: Int) -> Bool { cell.isMultiple(of: classes + 1) }

        var generator = LegacyRandomState(seed: client)
        let count = Int((Double(classes * (classes - 1)) * sparsity).rounded(.toNearestOrEven))
        // All first draws come before the draws that replace diagonal cells.
        var drawn = (0..<count).map { _ in generator.interval(cells - 1) }
        for index in drawn.indices {
            while isDiagonal(drawn[index]) { drawn[index] = generator.interval(cells - 1) }
            isOpen[drawn[index]] = false
        }

        var free = (0..<cells).filter { isOpen[$0] && !isDiagonal($0) }
        for row in 0..<classes {
            let window = min(4 * row, cells)..<min(4 * row + 4, cells)
            let open = window.filter { isOpen[$0] }
            if open.count == 2 {
                let positions = open.map { $0 - window.lowerBound }
                if let spared = positions.first(where: { $0 != row * (classes + 1) }) {
                    free.removeAll { $0 == spared }
                }
            } else if open.count == 1, let gap = window.first(where: { !isOpen[$0] }), !free.isEmpty {
                isOpen.swapAt(gap, free.removeFirst())
            }
        }

        var matrix = Array(repeating: 0.0, count: cells)
        for row in 0..<classes {
            let targets = (0..<classes).filter { $0 != row && isOpen[row * classes + $0] }
            for target in targets { matrix[row * classes + target] = rate / Double(targets.count) }
            matrix[row * classes + row] = 1 - rate
        }
        return matrix
    }
}
