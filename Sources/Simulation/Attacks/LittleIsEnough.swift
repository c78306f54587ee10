internal import Foundation

/// `alie`: μ − z σ, element by element, with mean and standard deviation over the hostile clients' own honest updates.
///
/// G. Baruch, M. Baruch, Y. Goldberg, "A little is enough: circumventing defenses for distributed learning", NeurIPS 2019.
/// σ is the deviation with 1/m, as in their code. Everything stays so close to the mean that distances and medians do not
/// give it away.
struct LittleIsEnough: ColludingAttack {
    let z: Double

    func element(mean: Double, deviation: Double) -> Double { mean - z * deviation }

    /// The paper's largest z for n clients of which m are hostile: the one below which (n − m − s) / (n − m) of a normal
    /// distribution lies, with s = ⌊n/2⌋ + 1 − m the honest clients that are needed for a majority; 0 where the hostile ones
    /// have the majority themselves, and at most 8.
    static func allowed(clients n: Int, hostile m: Int) -> Double {
        let supporters = n / 2 + 1 - m
        guard n > m, supporters > 0 else { return 0 }
        let part = Double(n - m - supporters) / Double(n - m)
        // By bisection: once a round, and right to the last bits.
        var (low, high) = (0.0, 8.0)
        guard part > 0.5 else { return 0 }
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if 0.5 * erfc(-middle / 2.0.squareRoot()) < part { low = middle } else { high = middle }
        }
        return low
    }
}
