/// Every coordinate moves by one step in the direction that most updates have: Δ̄ = step · sign(Σₖ sign(Δₖ)).
///
/// J. Bernstein, J. Zhao, K. Azizzadenesheli, A. Anandkumar, "signSGD with majority vote is communication efficient and
/// fault tolerant", ICLR 2019. It withstands fewer than half of the updates being hostile.
public struct SignMajority: UpdateRule {
    /// The step, more than 0.
    public var step: Double

    /// `sign-majority`.
    public let name = "sign-majority"
    /// 3.
    public let minimumUpdates = 3
    /// Nothing.
    public let evidence = Evidence.reports

    /// The rule with its number.
    public init(step: Double = 1e-3) {
        precondition(step > 0, "a step of more than nothing")
        self.step = step
    }

    /// ⌊(m − 1) / 2⌋.
    public func tolerated(among updates: Int) -> Int { max(0, (updates - 1) / 2) }

    /// Signs.
    public func combination(of updates: UpdateEvidence) -> Combination { .signs(step: step) }
}
