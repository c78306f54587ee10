internal import Privacy

/// The lattice on which the discrete Gaussian adds its noise: multiples of γ = σC/K with K = 2²⁰, so that the noise has the
/// whole deviation K.
///
/// Every clipped update is rounded to it element by element, which moves it by at most γ√d/2. The sensitivity is then
/// C + γ√d/2 for d elements: C·(1 + σ√d/2²¹).
enum LatticeScale {
    /// γ for a noise of `deviation`.
    static func step(deviation: Double) -> Double { deviation / Double(DiscreteGaussian.largestSigma) }

    /// The sensitivity in units of C.
    static func sensitivity(multiplier: Double, parameters: Int) -> Double {
        1 + multiplier * Double(parameters).squareRoot() / Double(2 * DiscreteGaussian.largestSigma)
    }
}
