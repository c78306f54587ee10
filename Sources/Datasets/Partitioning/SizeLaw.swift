import Randomness

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How the sizes of clients relate: client i of N, counted from 1, has a number of rows in proportion to its weight.
public enum SizeLaw: String, Sendable, CaseIterable {
    /// Weight i.
    case linear
    /// Weight i².
    case square
    /// Weight exp(spread · i).
    case exponential
    /// Weight exp(spread · z_i), z_i standard normal.
    case logNormal = "log-normal"

    /// Sizes that add up to `total`, none below `minimum`.
    func sizes(
        clients: Int, total: Int, minimum: Int, spread: Double, stream: inout RandomStream
    ) throws(DatasetError) -> [Int] {
        guard spread >= 0, spread <= 100 else {
            throw DatasetError(.invalidArgument, "the spread of sizes is \(spread), expected 0...100")
        }
        if self == .logNormal, spread == 0 { return Apportionment.equal(total: total, count: clients) }
        var logarithms = (1...clients).map { number in
            switch self {
            case .linear: log(Double(number))
            case .square: 2 * log(Double(number))
            case .exponential: spread * Double(number)
            case .logNormal: spread * stream.normal()
            }
        }
        // Relative to the largest, so that exponentials neither overflow nor all vanish.
        let largest = logarithms.reduce(-Double.infinity, max)
        for index in logarithms.indices { logarithms[index] = exp(logarithms[index] - largest) }
        return Apportionment.sizes(weights: logarithms, total: total, minimum: minimum)
    }
}
