/// How often the gradients of S steps of momentum SGD enter the weights, divided by one step's: Σⱼ (1 − ρ^(S−j+1)) /
/// (1 − ρ) over the steps j, which is (S − ρ (1 − ρ^S) / (1 − ρ)) / (1 − ρ), and S without momentum.
///
/// J. Wang et al., "Tackling the objective inconsistency problem in heterogeneous federated optimization", NeurIPS 2020
/// (‖a‖₁ for local momentum). Weight decay is part of the gradient here.
func effectiveSteps(_ steps: Int, momentum: Double) -> Double {
    // Summed from the last step back: exact enough where the closed form cancels, as for ρ near 1.
    var reach = 0.0
    var sum = 0.0
    for _ in 0..<steps {
        reach = momentum * reach + 1
        sum += reach
    }
    return sum
}
