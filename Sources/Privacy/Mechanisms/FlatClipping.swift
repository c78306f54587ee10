/// Clipping to an L2 norm: Δ·min(1, C/‖Δ‖), over all tensors of an update together.
///
/// M. Abadi et al., "Deep learning with differential privacy", CCS 2016; H. B. McMahan et al., "Learning differentially
/// private recurrent language models", ICLR 2018.
public enum FlatClipping {
    /// The factor for an update of a norm; 0 for one that is not finite, so that it moves nothing.
    public static func factor(norm: Double, bound: Double) -> Double {
        guard norm.isFinite, norm >= 0 else { return 0 }
        guard norm > bound else { return 1 }
        // Rounded down, so that the product is never longer than the bound.
        return (bound / norm).nextDown
    }
}
