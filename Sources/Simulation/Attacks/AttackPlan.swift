internal import Datasets
internal import Jobs
internal import Randomness

/// Which clients of a run are hostile, and what they do.
struct AttackPlan: Sendable {
    /// The job's `attack` map, read.
    let settings: AttackSettings
    /// What hostile clients do.
    let conduct: HostileConduct
    /// The hostile clients, in order of their names.
    let hostile: [String]

    /// The plan of a job; nil when nobody is hostile.
    ///
    /// Of N clients, share · N rounded are drawn without replacement, in order of names, from (seed, `"attack"`).
    ///
    /// - Throws: `JobsError` for a wrong map, ``SimulationError`` `job` for an attack that the data do not allow.
    init?(_ specification: JobSpecification, _ data: SimulationData) throws {
        guard let settings = try AttackSettings(specification.attack) else { return nil }
        try Self.check(settings, data)
        self.settings = settings
        conduct = HostileConduct(settings)
        let names = Participants.sorted(data.clients.map(\.name))
        var stream = RandomStream(seed: specification.seed, purpose: "attack")
        let count = Int((settings.share * Double(names.count)).rounded())
        hostile = Participants.sorted(stream.sample(count: min(count, names.count), from: names))
    }

    private static func check(_ settings: AttackSettings, _ data: SimulationData) throws(SimulationError) {
        guard settings.kind == .labelFlip || settings.kind == .backdoor else { return }
        guard !data.train.isMultilabel else {
            throw SimulationError(
                .job,
                "attack.kind: found \(settings.kind.rawValue) for data with several labels an example, expected an attack "
                    + "on updates")
        }
        guard settings.target < data.train.classes.count else {
            throw SimulationError(
                .job,
                "attack.target: found \(settings.target), expected a class from 0 to \(data.train.classes.count - 1)")
        }
        guard data.heldOut[Backdoor.split] == nil else {
            throw SimulationError(.data, "a held-out split has the name \(Backdoor.split), which attacks report under")
        }
    }

    /// Whether a client is hostile.
    func isHostile(_ client: String) -> Bool { Participants.contains(client, in: hostile) }

    /// What a client does; nil for an honest one.
    func conduct(of client: String) -> HostileConduct? { isHostile(client) ? conduct : nil }

    /// For a backdoor the held-out examples that show whether it works; nil otherwise, and where there are none.
    func evaluation(_ data: DatasetView?) throws -> DatasetView? {
        guard settings.kind == .backdoor, let data else { return nil }
        let view = try Backdoor(settings).evaluation(data)
        return view.count == 0 ? nil : view
    }
}

extension HostileConduct {
    /// What is done to the examples.
    var dataAttack: (any DataAttack)? {
        switch self {
        case .data(let attack), .both(let attack, _): attack
        case .update, .colluding, .idle: nil
        }
    }

    /// What is done to the update.
    var updateAttack: (any UpdateAttack)? {
        switch self {
        case .update(let attack), .both(_, let attack): attack
        case .data, .colluding, .idle: nil
        }
    }

    /// Who does not train on what it was given.
    var freeRider: FreeRider? {
        if case .idle(let rider) = self { rider } else { nil }
    }
}
