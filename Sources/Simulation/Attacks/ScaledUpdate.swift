internal import Jobs
internal import Weights

/// `sign-flip` and `scaling`: u' = f · u with f = −scale or f = scale.
///
/// Sign flip: L. Li, W. Xu, T. Chen, G. B. Giannakis, Q. Ling, "RSA: Byzantine-robust stochastic aggregation methods",
/// AAAI 2019. Scaling, or model replacement: E. Bagdasaryan, A. Veit, Y. Hua, D. Estrin, V. Shmatikov, "How to backdoor
/// federated learning", AISTATS 2020: with f = n / η the sender's model takes the place of the mean of n.
struct ScaledUpdate: UpdateAttack {
    let factor: Double

    func change(_ update: inout Weights, _ statistics: inout TaskStatistics, _ context: AttackContext) throws {
        try update.changeFloats { _, values in
            for index in values.indices { values[index] = Float(factor * Double(values[index])) }
        }
    }
}
