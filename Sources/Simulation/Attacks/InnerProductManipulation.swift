/// `ipm`: −scale · μ, with the mean over the hostile clients' own honest updates, so that the inner product of what is sent
/// and the right direction is negative.
///
/// C. Xie, O. Koyejo, I. Gupta, "Fall of empires: breaking Byzantine-tolerant SGD by inner product manipulation", UAI 2019.
/// There μ is the mean of all honest updates, which clients cannot know.
struct InnerProductManipulation: ColludingAttack {
    let scale: Double

    func element(mean: Double, deviation: Double) -> Double { -scale * mean }
}
