internal import Datasets
internal import Jobs
internal import Weights

/// Whose draws these are.
struct AttackContext: Sendable {
    /// The job's seed.
    let seed: UInt64
    /// The round.
    let round: UInt32
    /// The client's number.
    let client: UInt32
}

/// An attack on the examples that a hostile client trains on; training and sending are honest.
protocol DataAttack: Sendable {
    /// The examples as the hostile client trains on them.
    func poisoned(_ data: DatasetView, _ context: AttackContext) throws -> DatasetView
}

/// An attack on what a hostile client sends; it has trained honestly.
protocol UpdateAttack: Sendable {
    /// Changes the update and what was counted.
    func change(_ update: inout Weights, _ statistics: inout TaskStatistics, _ context: AttackContext) throws
}

/// An attack of several clients together: each element of the one update that all of them send follows from the mean and
/// the standard deviation of that element over their own honest updates.
protocol ColludingAttack: Sendable {
    /// One element of the update.
    func element(mean: Double, deviation: Double) -> Double
}

/// What the hostile clients of a run do.
enum HostileConduct: Sendable {
    case data(any DataAttack)
    case update(any UpdateAttack)
    /// A data attack whose update is changed as well.
    case both(any DataAttack, any UpdateAttack)
    /// The attack for so many clients in a round and hostile ones among them.
    case colluding(@Sendable (_ clients: Int, _ hostile: Int) -> any ColludingAttack)
    case idle(FreeRider)

    /// The conduct that a job asks for.
    init(_ settings: AttackSettings) {
        let scale = settings.scale
        switch settings.kind {
        case .labelFlip: self = .data(LabelFlip())
        case .signFlip: self = .update(ScaledUpdate(factor: -scale))
        case .scaling: self = .update(ScaledUpdate(factor: scale))
        case .gaussian: self = .update(GaussianNoise(scale: scale))
        case .alie:
            self = .colluding { LittleIsEnough(z: settings.z ?? LittleIsEnough.allowed(clients: $0, hostile: $1)) }
        case .ipm: self = .colluding { _, _ in InnerProductManipulation(scale: scale) }
        case .backdoor:
            let backdoor = Backdoor(settings)
            self = scale == 1 ? .data(backdoor) : .both(backdoor, ScaledUpdate(factor: scale))
        case .freeRider: self = .idle(FreeRider(behaviour: settings.behaviour, scale: scale))
        case .nan: self = .update(NotANumber())
        case .giantWeight: self = .update(GiantWeight(examples: settings.examples))
        }
    }
}

extension Weights {
    /// Changes every 32-bit float of the tensors, one tensor after another; other tensors stay.
    mutating func changeFloats(
        _ body: (_ tensor: Int, UnsafeMutableBufferPointer<Float>) throws -> Void
    ) throws {
        for (index, spec) in schema.tensors.enumerated() where spec.dtype == .f32 {
            try withMutableFloats(spec.name) { try body(index, $0) }
        }
    }
}
